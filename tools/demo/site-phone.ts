import { connect, type MqttClient } from "mqtt";
import type { Messages, SiteInvitation } from "../../schemas/generated/types.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import {
  type HardwareNumber,
  type SiteCommandName,
  type SiteId,
  SiteTopics,
  siteId,
} from "../../schemas/wire/site-topics.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";

const answerMs = 10_000;

export type SiteAck = Messages["site-ack"];

export interface SitePhoneOptions {
  /** As `coxswain site invite` made it. */
  readonly invitation: SiteInvitation;
  /** The local broker, `mqtt://HOST:PORT`. */
  readonly url: string;
  heard(topic: string, payload: Uint8Array): void;
}

/** A phone of the household, at home: it hears all of it, and commands. */
export class SitePhone {
  readonly #options: SitePhoneOptions;
  readonly #topics = new SiteTopics();
  readonly #waiting = new Map<string, (ack: SiteAck) => void>();
  #client: MqttClient | undefined;
  #commands = 0;

  constructor(options: SitePhoneOptions) {
    this.#options = options;
  }

  /** Comes in as soon as the gateway knows the phone, which it learns from the manager. */
  async start(): Promise<void> {
    const { invitation, url, heard } = this.#options;
    const user = phoneUser(invitation.site, invitation.phone);
    const client = connect(url, {
      ...{ clientId: user, username: user, password: invitation.homePassword ?? "", reconnectPeriod: 500 },
      // Refused for not being known yet is what it tries again after.
      reconnectOnConnackError: true,
    });
    this.#client = client;
    client.on("error", () => {});
    client.on("message", (topic, payload) => {
      this.#acknowledged(topic, payload);
      heard(topic, payload);
    });
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    await client.subscribeAsync(`${this.#topics.root}/${invitation.site}/#`, { qos: 1 });
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  /** Commands one pack and resolves with what it answered; rejects when nothing came of it. */
  command(name: SiteCommandName, node: HardwareNumber, payload: object): Promise<SiteAck> {
    return this.#ask(this.#topics.command(this.#site, name, node), payload);
  }

  /** The household's rules, all of them. */
  rule(rules: readonly { readonly name: string; readonly rule: string }[]): Promise<SiteAck> {
    return this.#ask(this.#topics.ofSite("rules-command", this.#site), { rules });
  }

  switch(socket: string, on: boolean): Promise<SiteAck> {
    return this.#ask(this.#topics.socketCommand(this.#site, socket), { on });
  }

  get #site(): SiteId {
    return siteId(this.#options.invitation.site);
  }

  async #ask(topic: string, payload: object): Promise<SiteAck> {
    const id = `demo-${++this.#commands}`;
    const ack = new Promise<SiteAck>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${topic}: no answer`)), answerMs);
      this.#waiting.set(id, (each) => {
        clearTimeout(timer);
        resolve(each);
      });
    });
    await this.#client?.publishAsync(topic, JSON.stringify({ ...payload, id }), { qos: 1 });
    const answered = await ack;
    this.#waiting.delete(id);
    return answered;
  }

  #acknowledged(topic: string, payload: Uint8Array): void {
    if (this.#topics.parse(topic)?.kind !== "ack") return;
    const read = decode("site-ack", payload, jsonFormat);
    if (read.ok && read.value.id !== undefined) this.#waiting.get(read.value.id)?.(read.value);
  }
}
