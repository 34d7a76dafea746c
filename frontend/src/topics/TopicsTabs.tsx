import { useQuery } from "@tanstack/react-query";
import { LinkTabs } from "./LinkTabs";
import { NO_FILTER } from "./letters";
import { waitingQuery } from "./queries";

type Part = "topics" | "groups" | "dead-letters";

/** The way between topics, groups and dead letters, with how many of these wait. */
export function TopicsTabs({ part }: { part: Part }) {
  const waiting = useQuery(waitingQuery(NO_FILTER));
  return (
    <LinkTabs
      label="On Kafka"
      tabs={[
        { to: "/topics", label: "Topics", current: part === "topics" },
        { to: "/topics?show=groups", label: "Consumer groups", current: part === "groups" },
        {
          to: "/topics/dead-letters",
          label: "Dead letters",
          current: part === "dead-letters",
          count: waiting.data?.total,
          alarming: true,
        },
      ]}
    />
  );
}
