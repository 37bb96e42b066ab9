//go:build bindings

package main

// generating: this build prints the TypeScript of the bound methods and opens
// no window (see build/compile).
const generating = true
