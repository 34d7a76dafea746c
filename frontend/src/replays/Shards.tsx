import { asCount } from "../ui/format";
import { Progress } from "../ui/Progress";
import type { Replay } from "./phase";
import { asRate } from "./words";

/** How far each shard has come. */
export function Shards({ shards }: NonNullable<Replay["progress"]>) {
  return (
    <table className="w-full table-fixed text-left">
      <caption className="mb-1 text-left text-xs font-medium text-muted">Shards</caption>
      <tbody>
        {shards.map(({ shard, phase, replayed, planned, rate }) => (
          <tr key={shard} className="*:border-b *:border-line *:py-1.5">
            <th scope="row" className="w-8 font-normal text-muted">
              {shard}
            </th>
            <td className="w-20">{phase}</td>
            <td className="pr-3">
              <Progress
                label={`Progress of shard ${shard}`}
                percent={planned > 0 ? Math.floor((replayed / planned) * 100) : 100}
                tone={phase === "Complete" ? "good" : "accent"}
              />
            </td>
            <td className="w-32 text-right whitespace-nowrap">
              {asCount(replayed)} <span className="text-muted">of {asCount(planned)}</span>
            </td>
            <td className="hidden w-24 text-right whitespace-nowrap text-muted sm:table-cell">
              {rate > 0 && asRate(rate, "/s")}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
