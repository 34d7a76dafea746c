import { Link } from "react-router";
import { Badge } from "../ui/Badge";
import { asCount } from "../ui/format";
import { LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import type { TopicInFull } from "./queries";

/** Where each partition begins and ends, and which brokers keep it. */
export function Partitions({ topic }: { topic: TopicInFull | undefined }) {
  return (
    <Table caption="Partitions">
      <thead>
        <tr>
          <th scope="col">Partition</th>
          <th scope="col" className="text-right" title="The oldest offset">
            First
          </th>
          <th scope="col" className="text-right" title="The offset that comes next">
            Next
          </th>
          <th scope="col" className="hidden text-right sm:table-cell">
            Offsets
          </th>
          <th scope="col" className="text-right" title="The broker that it is read from">
            Leader
          </th>
          <th scope="col" className="hidden sm:table-cell" title="Brokers that keep it">
            Replicas
          </th>
          <th scope="col" className="hidden sm:table-cell">
            In sync
          </th>
        </tr>
      </thead>
      <tbody>
        {!topic && <LoadingRows columns={7} />}
        {topic?.partitions.map(({ partition, low, high, leader, replicas, inSync }) => (
          <tr key={partition} className="hover:bg-hover">
            <td>
              <Link
                to={`?partition=${partition}`}
                title={`Messages of partition ${partition}`}
                className="rounded font-medium hover:text-accent"
              >
                {partition}
              </Link>
            </td>
            <td className="text-right">{low === null ? "unknown" : asCount(low)}</td>
            <td className="text-right">{high === null ? "unknown" : asCount(high)}</td>
            <td className="hidden text-right text-muted sm:table-cell">
              {low !== null && high !== null && asCount(high - low)}
            </td>
            <td className="text-right">
              {leader === null ? <Badge tone="bad">none</Badge> : `broker ${leader}`}
            </td>
            <td className="hidden text-muted sm:table-cell">{replicas.join(", ")}</td>
            <td className="hidden sm:table-cell">
              {inSync.length < replicas.length ? (
                <Badge tone="warn">
                  {inSync.length} of {replicas.length}
                </Badge>
              ) : (
                <span className="text-muted">all</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
