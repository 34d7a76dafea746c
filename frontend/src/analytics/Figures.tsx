interface Props {
  label: string;
  head: readonly string[];
  /** Each begins with what it is of. */
  rows: readonly (readonly string[])[];
  total: readonly string[];
}

/** The figures of a chart, for those who do not see it. */
export function Figures({ label, head, rows, total }: Props) {
  return (
    <div className="sr-only">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            {head.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an hour may come twice in a year
            <Row key={index} cells={row} />
          ))}
        </tbody>
        <tfoot>
          <Row cells={total} />
        </tfoot>
      </table>
    </div>
  );
}

function Row({ cells: [of, ...figures] }: { cells: readonly string[] }) {
  return (
    <tr>
      <th scope="row">{of}</th>
      {figures.map((figure, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
        <td key={column}>{figure}</td>
      ))}
    </tr>
  );
}
