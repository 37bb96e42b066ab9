/** Splits a byte stream into lines, one batch for each chunk that arrives. */
export async function* lineBatches(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      if (parts.length > 0) yield parts;
    }
    rest += decoder.decode();
    if (rest !== '') yield [rest];
  } finally {
    // Also when the consumer stops early: frees the connection.
    await reader.cancel().catch(() => {});
  }
}
