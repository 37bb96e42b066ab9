// Package apitest holds what an api.Service has to keep: [Suite] is the
// contract as tests, passed by the real engine, by the wire and by [Fake],
// an in-memory Service for the fronts' tests and for work on the window.
//
// It runs in tests and in the development server fakeserve, never in a
// binary that a person gets. It touches no file, no network and no process:
// Fake's containers run a small shell of its own.
package apitest
