/** Light or dark: as the system has it, unless a person chose. */

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const NAME = "draft-theme";

export function savedTheme(): Theme {
  const saved = localStorage.getItem(NAME);
  return THEMES.find((theme) => theme === saved) ?? "system";
}

/** Shows it, and keeps it for the next visit. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(NAME, theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
