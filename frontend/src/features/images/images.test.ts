import { describe, expect, it } from 'vitest';
import { tidy } from './createdBy';

describe('tidy', () => {
  it.each([
    ['/bin/sh -c #(nop)  CMD ["nginx"]', 'CMD ["nginx"]'],
    ['/bin/sh -c apk add curl', 'RUN apk add curl'],
    ['RUN /bin/sh -c apk add curl # buildkit', 'RUN apk add curl'],
    ['COPY . /app # buildkit', 'COPY . /app'],
    ['', ''],
  ])('%j becomes %j', (raw, text) => expect(tidy(raw)).toBe(text));
});
