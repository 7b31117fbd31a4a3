/** The version of this program, as `--version`, its status and the ready line say it. */
export const gatewayVersion = "0.1.0";
