import { expect, test } from "vitest";
import { lineErrors, piecesFault, readPieces, totalOf, withPieces } from "./cart";

const PRODUCTS = [
  { product_id: "PROD-001", price: "79.99" },
  { product_id: "PROD-003", price: "34.99" },
];

test("the total is right to the cent", () => {
  const cart = withPieces(withPieces(new Map(), "PROD-001", 2), "PROD-003", 1);
  expect(totalOf(cart, PRODUCTS)).toBe("194.97");
});

test("a product with no pieces is not in the cart", () => {
  const cart = withPieces(new Map([["a", 1]]), "a", 0);
  expect(cart.size).toBe(0);
  expect(withPieces(cart, "a", -1).size).toBe(0);
});

test("pieces are digits and nothing else that a number can be written with", () => {
  expect(["", "0", "007", " 12 ", "5000"].map(readPieces)).toEqual([0, 0, 7, 12, 5000]);
  for (const text of ["0x10", "1e3", "1.5", "-1", "1,000", "Infinity", "1".repeat(10)]) {
    expect(readPieces(text)).toBe(null);
  }
});

test("more pieces than the API takes stay as they are, and are said to be too many", () => {
  expect(withPieces(new Map(), "a", 1001).get("a")).toBe(1001);
  expect(piecesFault(1001)).toBe("At most 1,000 of a product");
  expect(piecesFault(1000)).toBe(undefined);
});

test("what the API says of a line is said of its product", () => {
  const sent = [{ productId: "a" }, { productId: "b" }];
  const fields = new Map([
    ["items[1].quantity", "too many"],
    ["customerEmail", "no address"],
  ]);
  expect([...lineErrors(sent, fields)]).toEqual([["b", "too many"]]);
});
