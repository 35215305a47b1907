// The last line of a run: how many tests passed and failed.
export default async function* closing(source) {
  let passed = 0;
  let failed = 0;
  let leftOut = 0;
  for await (const { type, data } of source) {
    if (data?.details?.type === "suite") continue;
    if (data?.skip !== undefined && type === "test:pass") leftOut += 1;
    else if (type === "test:pass") passed += 1;
    else if (type === "test:fail") failed += 1;
  }
  yield `\n${passed} passed, ${failed} failed, ${leftOut} left out\n`;
}
