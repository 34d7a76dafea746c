import { Link } from "react-router";
import type { Schemas } from "../api/client";
import { Badge } from "../ui/Badge";
import { asCount, asWords } from "../ui/format";
import { LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import { STATES } from "./describe";

type Group = Schemas["Group"] & { topics: string[] };

/** Consumer groups, with how far each is behind on all of its topics. */
export function GroupTable({ groups }: { groups: Group[] | undefined }) {
  return (
    <Table caption="Consumer groups">
      <thead>
        <tr>
          <th scope="col">Group</th>
          <th scope="col">State</th>
          <th scope="col" className="hidden text-right sm:table-cell">
            Members
          </th>
          <th scope="col" className="text-right" title="Offsets that are not committed yet">
            Lag
          </th>
          <th scope="col" className="hidden md:table-cell">
            Topics
          </th>
        </tr>
      </thead>
      <tbody>
        {!groups && <LoadingRows columns={5} />}
        {groups?.map(({ group, state, members, lag, topics }) => (
          <tr key={group} className="hover:bg-hover">
            <td className="max-w-40 truncate font-medium sm:max-w-80" title={group}>
              {group}
            </td>
            <td>
              <GroupState state={state} />
            </td>
            <td className="hidden text-right text-muted sm:table-cell">{asCount(members)}</td>
            <td className="text-right">
              <Lag lag={lag} />
            </td>
            <td className="hidden md:table-cell">
              <span className="flex flex-wrap gap-x-3">
                {topics.map((name) => (
                  <Link
                    key={name}
                    to={`/topics/${encodeURIComponent(name)}?tab=groups`}
                    className="rounded text-muted hover:text-accent"
                  >
                    {name}
                  </Link>
                ))}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

export function GroupState({ state }: { state: Group["state"] }) {
  return <Badge tone={STATES[state]}>{asWords(state.replaceAll("-", " "))}</Badge>;
}

export function Lag({ lag }: { lag: number }) {
  return <span className={lag > 0 ? "font-medium text-warn" : "text-muted"}>{asCount(lag)}</span>;
}
