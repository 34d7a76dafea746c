import { asCount } from "../ui/format";
import { Empty, LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import { GroupState, Lag } from "./GroupTable";
import type { TopicInFull } from "./queries";

/** The groups that read a topic, and how far behind each is on every partition. */
export function Readers({ topic }: { topic: TopicInFull | undefined }) {
  if (topic?.groups.length === 0) {
    return (
      <Empty title="No group reads this topic">
        A consumer group is here once it has committed an offset of it.
      </Empty>
    );
  }
  return (
    <Table caption="Consumer groups">
      <thead>
        <tr>
          <th scope="col">Group</th>
          <th scope="col" className="text-right">
            Partition
          </th>
          <th scope="col" className="text-right" title="The offset that it reads next">
            Committed
          </th>
          <th scope="col" className="text-right">
            Lag
          </th>
        </tr>
      </thead>
      {!topic && (
        <tbody>
          <LoadingRows columns={4} />
        </tbody>
      )}
      {topic?.groups.map(({ group, state, members, lag, partitions }) => (
        <tbody key={group}>
          <tr className="*:bg-hover">
            <th scope="rowgroup" colSpan={3} className="bg-hover! text-ink!">
              <span className="flex flex-wrap items-center gap-2 py-1.5 text-13">
                {group} <GroupState state={state} />
                <span className="font-normal text-muted">
                  {asCount(members)} {members === 1 ? "member" : "members"}
                </span>
              </span>
            </th>
            <td className="text-right">
              <Lag lag={lag} />
            </td>
          </tr>
          {partitions.map((each) => (
            <tr key={each.partition} className="*:h-8!">
              <td aria-label={group} />
              <td className="text-right">{each.partition}</td>
              <td className="text-right text-muted">
                {each.committed === null ? "nothing yet" : asCount(each.committed)}
              </td>
              <td className="text-right">
                <Lag lag={each.lag} />
              </td>
            </tr>
          ))}
        </tbody>
      ))}
    </Table>
  );
}
