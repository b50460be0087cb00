/** Stands in for optional packages that the product never uses. */
export default {};
