import { Route, Routes } from "react-router";
import { NewReplay } from "./NewReplay";
import { ReplayDrawer } from "./ReplayDrawer";
import { ReplayList } from "./ReplayList";

/** The replays, one of them over the others, and the form that makes one. */
export default function ReplaysPage() {
  return (
    <Routes>
      <Route path="new" element={<NewReplay />} />
      <Route element={<ReplayList />}>
        <Route index element={null} />
        <Route path=":id" element={<ReplayDrawer />} />
      </Route>
    </Routes>
  );
}
