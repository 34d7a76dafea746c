import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Badge } from "../ui/Badge";
import { asBytes, asCount } from "../ui/format";
import { SearchField } from "../ui/SearchField";
import { Stale } from "../ui/Stale";
import { Empty, Failed, LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import { Toolbar } from "../ui/Toolbar";
import { asRetention, COUNTED, KINDS } from "./describe";
import { GroupTable } from "./GroupTable";
import { groupsQuery, type Topic, topicsQuery } from "./queries";
import { TopicsTabs } from "./TopicsTabs";

/** All topics, or all groups, of which a search leaves some. */
export function TopicList() {
  const groupsShown = useSearchParams()[0].get("show") === "groups";
  return <Listing key={groupsShown ? "groups" : "topics"} groupsShown={groupsShown} />;
}

function Listing({ groupsShown }: { groupsShown: boolean }) {
  const [params, setParams] = useSearchParams();
  const internal = params.get("internal") === "true";
  const q = params.get("q") ?? "";
  const [typed, setTyped] = useState(q);
  const topics = useQuery({ ...topicsQuery(internal), enabled: !groupsShown });
  const groups = useQuery({ ...groupsQuery, enabled: groupsShown });
  const shown = groupsShown ? groups : topics;
  const failure = useFailure(shown);
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        if (value) before.set(name, value);
        else before.delete(name);
        return before;
      },
      { replace: true },
    );

  const wanted = typed.trim().toLowerCase();
  const foundTopics = topics.data?.filter(({ name }) => name.toLowerCase().includes(wanted));
  const foundGroups = groups.data?.filter(
    ({ group, topics }) =>
      group.toLowerCase().includes(wanted) || topics.some((name) => name.includes(wanted)),
  );
  const found = groupsShown ? foundGroups : foundTopics;

  return (
    <>
      <Toolbar
        title={groupsShown ? "Consumer groups" : "Topics"}
        note={found && asCount(found.length)}
      >
        {!groupsShown && (
          <label className="flex h-8 items-center gap-2 text-muted">
            <input
              type="checkbox"
              checked={internal}
              onChange={({ target }) => set("internal", target.checked ? "true" : "")}
              className="size-3.5 accent-accent"
            />
            Kafka's own
          </label>
        )}
        <SearchField
          label={groupsShown ? "Search groups" : "Search topics"}
          placeholder={groupsShown ? "Group or topic" : "Name"}
          value={typed}
          onChange={({ target }) => {
            setTyped(target.value);
            set("q", target.value.trim());
          }}
          className="order-last w-full sm:order-none sm:w-64"
        />
      </Toolbar>
      <TopicsTabs part={groupsShown ? "groups" : "topics"} />
      {shown.data && <Stale error={shown.error} since={shown.dataUpdatedAt} />}
      <section
        aria-label={groupsShown ? "Consumer groups" : "Topics"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="min-h-0 flex-1 -outline-offset-2 lg:overflow-y-auto"
      >
        {failure ? (
          <Failed error={failure} onRetry={() => void shown.refetch()} />
        ) : groupsShown ? (
          <GroupTable groups={foundGroups} />
        ) : (
          <TopicTable topics={foundTopics} />
        )}
        {found?.length === 0 && (
          <Empty title={groupsShown ? "No group matches" : "No topic matches"}>
            Names that contain “{typed.trim()}” are shown, and there is none.
          </Empty>
        )}
      </section>
    </>
  );
}

function TopicTable({ topics }: { topics: Topic[] | undefined }) {
  return (
    <Table caption="Topics">
      <thead>
        <tr>
          <th scope="col">Topic</th>
          <th scope="col" className="hidden sm:table-cell">
            Kind
          </th>
          <th scope="col" className="hidden text-right sm:table-cell">
            Partitions
          </th>
          <th scope="col" className="text-right" title={COUNTED}>
            Messages
          </th>
          <th
            scope="col"
            className="text-right"
            title="Estimated of a few from beginning, middle and end, uncompressed"
          >
            Size
          </th>
          <th scope="col" className="hidden md:table-cell">
            Kept for
          </th>
        </tr>
      </thead>
      <tbody>
        {!topics && <LoadingRows columns={6} />}
        {topics?.map((topic) => (
          <TopicRow key={topic.name} topic={topic} />
        ))}
      </tbody>
    </Table>
  );
}

function TopicRow({ topic }: { topic: Topic }) {
  const kind = KINDS[topic.kind];
  const badge = (
    <Badge tone={kind.tone} title={kind.hint}>
      {kind.label}
    </Badge>
  );
  return (
    <tr className="hover:bg-hover">
      <td className="max-w-40 sm:max-w-80">
        <Link
          to={`/topics/${encodeURIComponent(topic.name)}`}
          title={topic.name}
          className="block truncate rounded font-medium hover:text-accent"
        >
          {topic.name}
        </Link>
        <span className="mt-0.5 block sm:hidden">{badge}</span>
      </td>
      <td className="hidden sm:table-cell">{badge}</td>
      <td className="hidden text-right text-muted sm:table-cell">
        {asCount(topic.partitionCount)}
      </td>
      <td className="text-right">{asCount(topic.messages)}</td>
      <td className="text-right whitespace-nowrap text-muted">
        {topic.approximateBytes === null
          ? "unknown"
          : `${topic.approximateBytes > 0 ? "~ " : ""}${asBytes(topic.approximateBytes)}`}
      </td>
      <td className="hidden text-muted md:table-cell">{asRetention(topic)}</td>
    </tr>
  );
}
