import { Component, type ReactNode } from "react";
import { Failed } from "../ui/states";

/** Shows an error of what is within it in its place, and lets one try again. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    return this.state.error === null ? (
      this.props.children
    ) : (
      <Failed error={this.state.error} onRetry={() => this.setState({ error: null })} />
    );
  }
}
