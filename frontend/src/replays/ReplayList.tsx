import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate, useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Stale } from "../ui/Stale";
import { Empty, Failed, LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import { Toolbar } from "../ui/Toolbar";
import { LISTED, replaysQuery } from "./queries";
import { ReplayRow } from "./ReplayRow";

/** The newest replays, which keep themselves current. */
export function ReplayList() {
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const previews = params.get("previews") === "1";
  const list = useQuery(replaysQuery(previews));
  const failure = useFailure(list);
  const replays = list.data ?? [];
  return (
    <section aria-label="Replays" className="flex min-h-0 min-w-0 flex-1 flex-col">
      <Toolbar
        title="Replays"
        note={
          replays.length === LISTED ? `the newest ${LISTED}` : list.data && asCount(replays.length)
        }
      >
        <label className="flex h-8 cursor-pointer items-center gap-1.5 px-1 text-muted hover:text-ink">
          <input
            type="checkbox"
            checked={previews}
            onChange={({ target }) =>
              setParams(target.checked ? { previews: "1" } : {}, { replace: true })
            }
            className="accent-accent"
          />
          Show previews
        </label>
        <Button kind="primary" onClick={() => void navigate("/replays/new")}>
          <Icon name="plus" size={14} />
          New replay
        </Button>
      </Toolbar>
      {list.data && <Stale error={list.error} since={list.dataUpdatedAt} />}
      <div className="min-h-0 flex-1 lg:overflow-y-auto">
        {failure ? (
          <Failed error={failure} onRetry={() => void list.refetch()} />
        ) : list.data && replays.length === 0 ? (
          <Empty title="No replays yet">
            <p>
              A replay sends past events to a topic of its own: to try a rule on last month&rsquo;s
              orders, or to fill a new consumer. Nothing real is touched.
            </p>
            <Button className="mt-4" onClick={() => void navigate("/replays/new")}>
              Make the first one
            </Button>
          </Empty>
        ) : (
          <Table caption="Replays" fixed>
            <thead>
              <tr>
                <th scope="col">Replay</th>
                <th scope="col" className="w-28 md:w-44">
                  Phase
                </th>
                <th scope="col" className="hidden w-56 sm:table-cell">
                  Progress
                </th>
                <th scope="col" className="hidden w-28 text-right lg:table-cell">
                  Rate
                </th>
                <th scope="col" className="hidden w-32 text-right lg:table-cell">
                  ETA
                </th>
                <th scope="col" className="hidden w-36 md:table-cell">
                  Created
                </th>
              </tr>
            </thead>
            <tbody>
              {list.isPending ? <LoadingRows columns={6} /> : null}
              {replays.map((replay) => (
                <ReplayRow key={replay.id} replay={replay} />
              ))}
            </tbody>
          </Table>
        )}
      </div>
      <Outlet />
    </section>
  );
}
