import type { CanField, CanFrame, CanModel } from "./can-model.ts";

/** Signals of one identifier: DBC has one message for each, so frames told by a byte are multiplexed, others laid over each other. */
interface DbcMessage {
  readonly id: number;
  readonly name: string;
  length: number;
  readonly sender: string;
  readonly comments: string[];
  readonly signals: Map<string, DbcSignal>;
}

interface DbcSignal {
  readonly line: string;
  readonly about: string;
  readonly words?: Readonly<Record<string, number>>;
}

/** Receivers of nothing in particular, as the tools write it. */
const anybody = "Vector__XXX";

/** The bus as a DBC file, for the tools of the field. An identifier that carries a number is a message for each of its first values. */
export function emitCanDbc(model: CanModel, notice: string): string {
  const senders = [...new Set(model.frames.map(({ from }) => from))];
  const messages = messagesOf(model);
  const body = messages.map(({ id, name, length, sender, signals }) =>
    [`BO_ ${id} ${name}: ${length} ${sender}`, ...[...signals.values()].map(({ line }) => line), ""].join("\n"),
  );
  const explained = messages.filter(({ comments }) => comments.length > 0);
  const comments = explained.map(({ id, comments }) => `CM_ BO_ ${id} "${comments.join(" ")}";`);
  const signalComments = explained.flatMap(({ id, signals }) =>
    [...signals].flatMap(([name, { about }]) => (about === "" ? [] : [`CM_ SG_ ${id} ${name} "${about}";`])),
  );
  const words = messages.flatMap(({ id, signals }) =>
    [...signals].flatMap(([name, { words }]) => {
      if (!words) return [];
      const pairs = Object.entries(words).map(([word, value]) => `${value} "${word}"`);
      return [`VAL_ ${id} ${name} ${pairs.join(" ")} ;`];
    }),
  );
  return [
    `VERSION "${notice.slice(3)}"\n`,
    "NS_ :\n",
    "BS_:\n",
    `BU_: ${senders.join(" ")}\n`,
    ...body,
    `CM_ "${model.about}";`,
    ...comments,
    ...signalComments,
    ...words,
    "",
  ].join("\n");
}

function messagesOf(model: CanModel): DbcMessage[] {
  const messages = new Map<number, DbcMessage>();
  for (const frame of model.frames) {
    const { index, id, isExtended } = frame.shape;
    // All 2^24 claims can't be listed: the first stands for them.
    const count = isExtended ? 1 : (index?.count ?? 1);
    for (let i = 0; i < count; i++) {
      const number = (isExtended ? 0x8000_0000 : 0) + id + i * (index?.stride ?? 0);
      const suffix = count === 1 ? "" : `_${index?.name}${i}`;
      const message = add(messages, number, frame, suffix, model.frames);
      // Of many that are alike one explains itself.
      if (i === 0) message.comments.push(`${frame.shape.name}: ${frame.about}`);
    }
  }
  return [...messages.values()];
}

function add(
  messages: Map<number, DbcMessage>,
  id: number,
  frame: CanFrame,
  suffix: string,
  frames: readonly CanFrame[],
): DbcMessage {
  const { shape } = frame;
  const shared = frames.filter((other) => other.shape.id === shape.id);
  const name = `${shared.map((other) => other.shape.name).join("_")}`.slice(0, 20 + shape.name.length) + suffix;
  const message = messages.get(id) ?? {
    id,
    name,
    length: 0,
    sender: frame.from,
    comments: [],
    signals: new Map<string, DbcSignal>(),
  };
  messages.set(id, message);
  message.length = Math.max(message.length, shape.maxLength);
  // What all kinds of an identifier have in common isn't multiplexed; nor is anything where one of them is told by its length.
  const isMultiplexed = shared.length > 1 && shared.every((other) => other.shape.select);
  for (const field of frame.fields) {
    const isSelector = isMultiplexed && shape.select?.at === field.shape.at;
    const mark = isSelector ? "M" : isMultiplexed ? `m${shape.select?.value}` : "";
    const prefix = isMultiplexed && !isSelector ? `${shape.name}_` : "";
    for (const signal of signalsOf(field, prefix, mark)) {
      if (!message.signals.has(signal.name)) message.signals.set(signal.name, signal);
    }
  }
  return message;
}

function signalsOf(field: CanField, prefix: string, mark: string): (DbcSignal & { readonly name: string })[] {
  const { shape, about, unit, scale } = field;
  const line = (name: string, start: number, bits: number, isSigned: boolean, range: string): string =>
    ` SG_ ${name}${mark === "" ? "" : ` ${mark}`} : ${start}|${bits}@0${isSigned ? "-" : "+"} (${scale},0) [${range}] "${unit}" ${anybody}`;
  const name = prefix + shape.name;
  const highest = shape.at * 8 + 7;
  const bits = shape.bytes * 8;
  switch (shape.kind) {
    case "reserved":
      return [];
    case "bits":
      return shape.bits.map((bit, place) => ({
        name: prefix + bit,
        line: line(prefix + bit, shape.at * 8 + place, 1, false, "0|1"),
        about: "",
      }));
    case "bool":
      return [{ name, line: line(name, highest, bits, false, "0|1"), about }];
    case "word":
      return [{ name, line: line(name, highest, bits, false, "0|255"), about, words: shape.words }];
    case "bytes":
      return [{ name, line: line(name, highest, bits, false, "0|0"), about }];
    default: {
      const rounded = (value: number): number => Number((value * scale).toFixed(2));
      const range = `${rounded(shape.min)}|${rounded(Math.max(shape.max, shape.also ?? 0))}`;
      const none =
        shape.none === undefined ? "" : `${about === "" ? "" : " "}${shape.none} on the wire says that there is none.`;
      return [{ name, line: line(name, highest, bits, shape.kind === "signed", range), about: about + none }];
    }
  }
}
