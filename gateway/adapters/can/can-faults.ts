import { defineFaults } from "../../../kernel/fault.ts";

export const canFaults = defineFaults({
  "can.hub-listen-failed": {
    fault: "environment",
    message:
      "The virtual CAN bus can't listen at {where} ({reason}). Choose another place with --at; of a socket's path the folder must be there.",
  },
  "can.bad-address": {
    fault: "caller",
    message:
      'No CAN bus is called "{address}". Give can0 (SocketCAN), /dev/ttyACM0 (serial-line adapter), tcp://127.0.0.1:29536 or unix:/run/can.sock (virtual bus).',
  },
});
