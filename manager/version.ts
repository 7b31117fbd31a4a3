/** The version of this program, as `--version`, the API and the ready line say it. */
export const managerVersion = "0.1.0";
