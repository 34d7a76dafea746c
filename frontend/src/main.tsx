import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles.css";

const place = document.getElementById("root");
if (!place) throw new Error("index.html has no #root");
const root = createRoot(place);

try {
  // Imported here, as they read the environment, which may be at fault.
  const [{ App }, { startFeed }] = await Promise.all([
    import("./shell/App"),
    import("./live/live"),
  ]);
  startFeed();
  root.render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
} catch (error) {
  root.render(<pre className="p-6 whitespace-pre-wrap">{String(error)}</pre>);
}
