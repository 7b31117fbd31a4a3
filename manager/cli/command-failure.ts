/** Exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** A command that can't do what it was asked. Says what happened and what to do next; printed by `coxswain.ts` alone. */
export class CommandFailure extends Error {
  readonly code: string;
  readonly next: string;
  readonly exitCode: number;

  constructor(code: string, message: string, next: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.name = "CommandFailure";
    this.code = code;
    this.next = next;
    this.exitCode = exitCode;
  }
}
