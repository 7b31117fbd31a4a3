/** Line drawings of 24 by 24, in the colour of their text. */
const paths = {
  solar:
    "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10ZM12 1.5v2.5M12 20v2.5M4.6 4.6l1.8 1.8M17.6 17.6l1.8 1.8M1.5 12H4M20 12h2.5M4.6 19.4l1.8-1.8M17.6 6.4l1.8-1.8",
  grid: "M12 2 5 22M12 2l7 20M8.6 11.7h6.8M7 16.5h10M6.5 7h11M6.5 7v2M17.5 7v2M7 16.5l8.4-4.8M17 16.5l-8.4-4.8",
  home: "M3 11.5 12 4l9 7.5M5.5 9.8V20h13V9.8M10 20v-5.5h4V20",
  pool: "M2 17c2 0 2 1.5 5 1.5s3-1.5 5-1.5 2 1.5 5 1.5 3-1.5 5-1.5M2 21c2 0 2 1.5 5 1.5s3-1.5 5-1.5 2 1.5 5 1.5 3-1.5 5-1.5M7 15V5a2.5 2.5 0 0 1 5 0M16 15V5a2.5 2.5 0 0 1 5 0M7 10h9",
  heater:
    "M6 3h12a1.5 1.5 0 0 1 1.5 1.5v12A1.5 1.5 0 0 1 18 18H6a1.5 1.5 0 0 1-1.5-1.5v-12A1.5 1.5 0 0 1 6 3ZM8 18v3M16 18v3M12 6.5c2 2 2.8 3.3 2.8 4.8a2.8 2.8 0 0 1-5.6 0c0-1.5.8-2.8 2.8-4.8Z",
  battery:
    "M4 8h14a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1ZM21.5 10.5v3M6.5 11v2M10 11v2M13.5 11v2",
  overview: "M4 13a8 8 0 1 1 16 0M12 13l4-4M4 17h16",
  control: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  rules: "M5 5h6M5 12h14M5 19h9M16 3l4 4-4 4",
  more: "M5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2ZM12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2ZM19 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0V8ZM12 17v4",
  warning: "M12 4 2.5 20h19L12 4ZM12 10v4.5M12 17.4v.1",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 7.5V12l3 2",
  back: "M14.5 5 8 12l6.5 7",
  close: "M6 6l12 12M18 6 6 18",
  crown: "M3.5 8.5 8 12l4-7 4 7 4.5-3.5L19 18H5L3.5 8.5Z",
  lock: "M6 11h12v9H6v-9ZM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  chip: "M7 7h10v10H7V7ZM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The same inside of another drawing. */
export function iconPath(name: IconName): string {
  return paths[name];
}
