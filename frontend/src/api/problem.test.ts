import { describe, expect, test } from "vitest";
import { asProblem, problemOf, unreachable } from "./problem";

describe("a problem", () => {
  test("has the words of the API, and each field's own", () => {
    const problem = problemOf(400, {
      title: "Invalid request",
      detail: "items[0].quantity: Input should be less than or equal to 1000",
      errors: [
        { field: "items[0].quantity", message: "Input should be less than or equal to 1000" },
        { field: "customerEmail", message: "no address" },
      ],
    });
    expect(problem.title).toBe("Invalid request");
    expect(problem.fields.get("customerEmail")).toBe("no address");
    expect(problem.passing).toBe(false);
  });

  test("of a proxy that finds nobody is one that passes", () => {
    expect(problemOf(500, "").detail).toContain("Is the gateway running?");
    expect(problemOf(502, "<html>").passing).toBe(true);
    expect(unreachable().passing).toBe(true);
  });

  test("is made of anything that is thrown", () => {
    expect(asProblem(new Error("of another kind")).detail).toBe("of another kind");
    const problem = unreachable();
    expect(asProblem(problem)).toBe(problem);
  });
});
