package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports of serve.
var services = map[string]func(*net.TCPConn){
	":80": echo, // gives back what it gets
	":81": keep, // reads, and says nothing
	":82": sums, // a stream each way at the same time, and what came
	":83": last, // answers when the client has said all
	":84": mute, // says all it has to say at once, and reads on
}

// serve plays an honest container. It says when it listens.
func serve() error {
	var all sync.WaitGroup
	for at, f := range services {
		l, err := net.Listen("tcp4", at)
		if err != nil {
			return err
		}
		all.Go(func() { accept(l, f) })
	}
	fmt.Println("serving")
	all.Wait()
	return nil
}

func accept(l net.Listener, f func(*net.TCPConn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			f(c.(*net.TCPConn))
		}()
	}
}

func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

// keep has no buffer of its own: there are thousands of it.
func keep(c *net.TCPConn) { _, _ = io.ReadFull(c, make([]byte, 1)) }

// sums reads how many bytes are wanted, gives as many while it reads the
// client's, then the client's sum.
func sums(c *net.TCPConn) {
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return
	}
	size := int64(binary.BigEndian.Uint64(head[:]))
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, stream(size))
		sent <- err
	}()
	h := crc64.New(crc64.MakeTable(crc64.ECMA))
	_, err := io.Copy(h, c)
	if <-sent == nil && err == nil {
		_, _ = c.Write(h.Sum(nil))
	}
}

// stream is size bytes of which no part is like another.
func stream(size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
}

func last(c *net.TCPConn) {
	b, err := io.ReadAll(c)
	if err == nil {
		_, _ = c.Write(append([]byte("re: "), b...))
	}
}

func mute(c *net.TCPConn) {
	_, _ = c.Write([]byte("all"))
	_ = c.CloseWrite()
	_, _ = io.Copy(io.Discard, c)
}
