export default function AnalyticsPage() {
  return <h1 className="p-4 text-sm font-semibold">Analytics</h1>;
}
