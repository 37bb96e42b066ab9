const tokenOf = (location: Location) => new URLSearchParams(location.hash.slice(1)).get('token');

/** Whether the address has such a token. */
export function hasToken(location: Location): boolean {
  return Boolean(tokenOf(location));
}

/**
 * The one-time token that davit serve puts behind "#": exchanged for a cookie,
 * then taken out of the address. True: go on. False: the token is used or wrong.
 */
export async function exchangeToken(location: Location, history: History): Promise<boolean> {
  const token = tokenOf(location);
  if (!token) return true;
  history.replaceState(null, '', location.pathname + location.search);
  const response = await fetch('/auth', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  // A page that was reloaded with its old address has its cookie already.
  return response.ok || response.status === 404 || hasSession();
}

async function hasSession(): Promise<boolean> {
  const response = await fetch('/v1/Operations', { method: 'POST', body: '[]' });
  return response.status !== 401;
}
