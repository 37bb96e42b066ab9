// Package wire carries an api.Service over HTTP: [Handler] serves one,
// [Client] is one. What goes in at the client comes out at the handler's
// service and back, errors and streams included; both pass the suite in apitest.
//
// Handler runs in the engine (root in the user namespace, the host's network)
// and in a front that serves a browser; Client runs in the front (the person,
// the host's namespaces). Who may connect is not decided here: the engine's
// only way in is an inherited socket ([ListenControl]), and app/front guards
// what listens on an address. Nothing in here decompresses, and HTTP/2 is not spoken.
//
// # The protocol
//
//	POST /v1/<Method>      body: JSON array of the arguments after ctx
//	  200 application/json           the result, null where there is none
//	  4xx, 5xx application/json      {"error": api.Error}
//
// Methods with a sink answer application/x-ndjson, a line for each call of the
// sink and one at the end:
//
//	{"item": …}
//	{"end": true}  or  {"error": api.Error}
//
// Load takes the archive as its body; where there are arguments beside a body
// they are in the header [ArgsHeader]. Save and its like answer application/octet-stream; an
// error after the first byte is told in the trailer [ErrorTrailer] to who sends
// "TE: trailers", and breaks the connection otherwise.
//
// Attach and Exec ask for "Upgrade: davit-session" and go on, after 101, with
// the frames of api.Session.
//
// A page has fetch() and no more than six connections: [Page] holds its
// sessions for it, with calls for input and one stream that may be left and
// joined again. They end with the front that held them.
package wire
