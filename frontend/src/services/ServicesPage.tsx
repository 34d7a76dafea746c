export default function ServicesPage() {
  return <h1 className="p-4 text-sm font-semibold">Services</h1>;
}
