import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { choose, type Theme, useTheme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: "system", light: "sun", dark: "moon" } as const;

export function ThemeToggle() {
  const theme = useTheme();
  const label = `Theme: ${theme}. Change to ${NEXT[theme]}`;
  return (
    <Button
      kind="quiet"
      square
      aria-label={label}
      title={label}
      onClick={() => choose(NEXT[theme])}
    >
      <Icon name={ICONS[theme]} />
    </Button>
  );
}
