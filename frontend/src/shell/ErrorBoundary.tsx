import { Component, type ReactNode } from "react";
import { Problem } from "../api/problem";
import { Failed } from "../ui/states";

/** The file of a view did not come. What failed to be imported once stays so in this page. */
export class ViewMissing extends Problem {
  constructor() {
    super(
      "This view could not be loaded",
      "You are offline, or a newer dashboard has taken the place of this one. Loading the page anew mends it.",
      0,
    );
  }
}

/** Shows an error of what is within it in its place, and lets one try again. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidMount() {
    window.addEventListener("online", this.#onOnline);
  }

  override componentWillUnmount() {
    window.removeEventListener("online", this.#onOnline);
  }

  #onOnline = () => {
    if (this.state.error instanceof ViewMissing) this.#retry();
  };

  #retry = () => {
    if (this.state.error instanceof ViewMissing) window.location.reload();
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
