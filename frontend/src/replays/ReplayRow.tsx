import { Link, useLocation, useParams } from "react-router";
import { LinkRow } from "../ui/Table";
import { Time } from "../ui/Time";
import { PhaseBadge } from "./PhaseBadge";
import { eta, type Replay, rateOf } from "./phase";
import { ReplayProgress } from "./ReplayProgress";
import { asRate, handle, whatWords } from "./words";

export function ReplayRow({ replay }: { replay: Replay }) {
  const { search } = useLocation();
  const selected = useParams().id === replay.id;
  const to = `/replays/${encodeURIComponent(replay.id)}${search}`;
  const rate = rateOf(replay);
  return (
    <LinkRow selected={selected} className="*:h-13!">
      <td>
        <Link
          to={to}
          title={replay.id}
          className="flex min-w-0 items-baseline gap-2 rounded font-medium group-hover:text-accent"
        >
          <span className="truncate">{replay.topic}</span>
          <span className="hidden truncate font-mono text-xs font-normal text-muted sm:inline">
            {handle(replay.id)}
          </span>
        </Link>
        <span className="block truncate text-xs text-muted" title={whatWords(replay.spec)}>
          <bdi>{whatWords(replay.spec)}</bdi>
        </span>
      </td>
      <td>
        <PhaseBadge phase={replay.phase} preview={replay.spec.dryRun} />
        <span className="block text-xs text-muted sm:hidden">
          {replay.progress && `${replay.progress.percent}%`}
        </span>
      </td>
      <td className="hidden sm:table-cell">
        <ReplayProgress replay={replay} />
      </td>
      <td className="hidden text-right text-muted lg:table-cell">
        {rate !== null && asRate(rate, "/s")}
      </td>
      <td className="hidden text-right text-muted lg:table-cell">{eta(replay)}</td>
      <td className="hidden whitespace-nowrap text-muted md:table-cell">
        <Time at={replay.createdAt} />
      </td>
    </LinkRow>
  );
}
