import { Component, type ReactNode } from "react";
import { Failed } from "../ui/states";
import { reload, ViewMissing } from "./missing";

/** Shows an error of what is within it in its place, and lets one try again. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidCatch(error: unknown) {
    if (error instanceof ViewMissing)
      window.addEventListener("online", this.#retry, { once: true });
  }

  override componentWillUnmount() {
    window.removeEventListener("online", this.#retry);
  }

  #retry = () => {
    if (this.state.error instanceof ViewMissing) void reload();
    else this.setState({ error: null });
  };

  override render() {
    return this.state.error === null ? (
      this.props.children
    ) : (
      <Failed error={this.state.error} onRetry={this.#retry} />
    );
  }
}
