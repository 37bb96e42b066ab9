//go:build !bindings

package main

// generating is false in every build that opens a window.
const generating = false
