export default function TopicsPage() {
  return <h1 className="p-4 text-sm font-semibold">Topics</h1>;
}
