export default function ReplaysPage() {
  return <h1 className="p-4 text-sm font-semibold">Replays</h1>;
}
