import { expect, test } from "vitest";
import { lineErrors, totalOf, withPieces } from "./cart";

const PRODUCTS = [
  { product_id: "PROD-001", price: "79.99" },
  { product_id: "PROD-003", price: "34.99" },
];

test("the total is right to the cent", () => {
  const cart = withPieces(withPieces(new Map(), "PROD-001", 2), "PROD-003", 1);
  expect(totalOf(cart, PRODUCTS)).toBe("194.97");
});

test("a product with no pieces is not in the cart, and none has more than it may", () => {
  const cart = withPieces(new Map([["a", 1]]), "a", 0);
  expect(cart.size).toBe(0);
  expect(withPieces(cart, "a", Number.NaN).size).toBe(0);
  expect(withPieces(cart, "a", 5000).get("a")).toBe(1000);
});

test("what the API says of a line is said of its product", () => {
  const sent = [{ productId: "a" }, { productId: "b" }];
  const fields = new Map([
    ["items[1].quantity", "too many"],
    ["customerEmail", "no address"],
  ]);
  expect([...lineErrors(sent, fields)]).toEqual([["b", "too many"]]);
});
