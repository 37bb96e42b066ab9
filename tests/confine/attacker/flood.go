package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// flood sends as much of one kind as it can until it is stopped or its time is
// over, and tells how much it was.
func flood(kind string, to netip.AddrPort, end time.Time) error {
	goOn := func() bool { return time.Now().Before(end) && !exists("/stop") }
	count, err := floods[kind](to, goOn)
	if err != nil {
		return fmt.Errorf("flood of %s: %w", kind, err)
	}
	return show(map[string]int64{"sent": count})
}

var floods = map[string]func(netip.AddrPort, func() bool) (int64, error){
	"datagrams":   datagrams,
	"half-open":   halfOpen,
	"connections": connections,
	"stream":      upload,
	"packets":     packets,
	"neighbour":   packets,
}

// upload sends bytes over a few connections, as fast as they are taken.
func upload(to netip.AddrPort, goOn func() bool) (int64, error) {
	const connections = 4
	var count atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, connections)
	for i := range connections {
		all.Go(func() {
			c, err := net.DialTimeout("tcp4", to.String(), 10*time.Second)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			for b := make([]byte, 1<<20); goOn(); {
				_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // nobody has to take it
				n, _ := c.Write(b)
				count.Add(int64(n))
			}
		})
	}
	all.Wait()
	return count.Load(), errors.Join(errs...)
}

// packets are sent to one port from one socket without a pause, each as large
// as a frame holds.
func packets(to netip.AddrPort, goOn func() bool) (count int64, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return 0, err
	}
	const size, atOnce = 1472, 64
	b, at := make([]byte, size), &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	for goOn() {
		for range atOnce {
			if unix.Sendto(fd, b, 0, at) == nil { // else one before it was refused
				count++
			}
		}
	}
	return count, unix.Close(fd)
}

// datagrams go to all ports of to's address, from one socket after another.
func datagrams(to netip.AddrPort, goOn func() bool) (count int64, err error) {
	for goOn() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			return count, err
		}
		for port := 1; port < 1<<16; port += 61 {
			// What cannot be sent now is lost, as it is with datagrams.
			if unix.Sendto(fd, make([]byte, 100), unix.MSG_DONTWAIT, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: port}) == nil {
				count++
			}
		}
		if err := unix.Close(fd); err != nil {
			return count, err
		}
		time.Sleep(5 * time.Millisecond) // as much as a queue holds, again and again
	}
	return count, nil
}

// halfOpen sends beginnings of connections from all ports there are. It makes
// the segments itself, for which NET_RAW is needed.
func halfOpen(to netip.AddrPort, goOn func() bool) (count int64, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP)
	if err != nil {
		return 0, err
	}
	own, err := sourceFor(to)
	if err != nil {
		return 0, err
	}
	for port := uint16(1024); port%64 != 0 || goOn(); port++ {
		if unix.Sendto(fd, syn(own, to, max(port, 1024)), 0, &unix.SockaddrInet4{Addr: to.Addr().As4()}) == nil {
			count++
		}
	}
	return count, unix.Close(fd)
}

// sourceFor is the address that this container speaks to another from.
func sourceFor(to netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to)) // sends nothing
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), nil
}

// syn is the first segment of a connection.
func syn(from netip.Addr, to netip.AddrPort, port uint16) []byte {
	const size, flag, window = 20, 2, 0xffff
	b := make([]byte, size)
	binary.BigEndian.PutUint16(b[0:], port)
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint32(b[4:], uint32(port))
	b[12], b[13] = size/4<<4, flag
	binary.BigEndian.PutUint16(b[14:], window)
	pseudo := append(append(append([]byte{}, from.AsSlice()...), to.Addr().AsSlice()...), 0, unix.IPPROTO_TCP, 0, size)
	binary.BigEndian.PutUint16(b[16:], ^onesSum(append(pseudo, b...)))
	return b
}

// onesSum is the sum of the internet's protocols (RFC 1071).
func onesSum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// connections are opened by many at once, and ended at once.
func connections(to netip.AddrPort, goOn func() bool) (int64, error) {
	const atOnce = 64
	var count atomic.Int64
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for goOn() {
				c, err := net.DialTimeout("tcp4", to.String(), time.Second)
				if err != nil {
					continue // there are limits; nobody has to serve us
				}
				count.Add(1)
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}
		})
	}
	all.Wait()
	return count.Load(), nil
}
