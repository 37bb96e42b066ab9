package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// patience is how much longer than its measure a client waits.
const patience = 20 * time.Second

// clients is how many ask at the same time.
const clients = 16

// crew runs f that many times at once, until a time, and gives what they
// counted in a second.
func crew(span time.Duration, size int, f func(until time.Time) (int64, error)) (float64, error) {
	began := time.Now()
	counts, errs := make([]int64, size), make([]error, size)
	var all sync.WaitGroup
	for i := range size {
		all.Go(func() { counts[i], errs[i] = f(began.Add(span)) })
	}
	all.Wait()
	var sum int64
	for _, c := range counts {
		sum += c
	}
	return float64(sum) / time.Since(began).Seconds(), errors.Join(errs...)
}

func dial(network, at string, until time.Time) (net.Conn, error) {
	c, err := net.DialTimeout(network, at, patience)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(until.Add(patience))
}

func bulk(span time.Duration, at, verb string, streams int) ([]float64, error) {
	move := up
	if verb == "down" {
		move = down
	}
	rate, err := crew(span, streams, func(until time.Time) (int64, error) {
		c, err := dial("tcp", at, until)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return move(c.(*net.TCPConn), until)
	})
	return []float64{rate * 8 / 1e9}, err
}

func up(c *net.TCPConn, until time.Time) (n int64, err error) {
	b := make([]byte, block)
	b[0] = kindUp
	for time.Now().Before(until) {
		if _, err := c.Write(b); err != nil {
			return 0, err
		}
	}
	if err := c.CloseWrite(); err != nil {
		return 0, err
	}
	err = binary.Read(c, binary.BigEndian, &n)
	return n, err
}

func down(c *net.TCPConn, until time.Time) (n int64, err error) {
	if _, err := c.Write([]byte{kindDown}); err != nil {
		return 0, err
	}
	for b := make([]byte, block); time.Now().Before(until); {
		k, err := c.Read(b)
		if err != nil {
			return 0, err
		}
		n += int64(k)
	}
	return n, nil
}

func connect(span time.Duration, at string) ([]float64, error) {
	rate, err := crew(span, clients, func(until time.Time) (n int64, err error) {
		for ; time.Now().Before(until); n++ {
			if err := one(at, until); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	return []float64{rate}, err
}

func one(at string, until time.Time) error {
	c, err := dial("tcp", at, until)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte(request + "Connection: close\r\n\r\n")); err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	if err == nil && string(b) != response {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func ask(span time.Duration, at string) ([]float64, error) {
	var mu sync.Mutex
	var took []time.Duration
	rate, err := crew(span, clients, func(until time.Time) (int64, error) {
		c, err := dial("tcp", at, until)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		mine, err := keepAsking(c, until)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, mine...)
		return int64(len(mine)), err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(took)
	return []float64{rate, float64(took[len(took)*99/100].Nanoseconds()) / 1e3}, nil
}

func keepAsking(c net.Conn, until time.Time) (took []time.Duration, err error) {
	r, question, reply := bufio.NewReader(c), []byte(request+"\r\n"), make([]byte, len(response))
	for {
		began := time.Now()
		if began.After(until) {
			return took, nil
		}
		if _, err := c.Write(question); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, reply); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
}

// datagrams sends as fast as it can, and asks how many came.
func datagrams(span time.Duration, at string) ([]float64, error) {
	until := time.Now().Add(span)
	c, err := dial("udp", at, until)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for b := make([]byte, 1400); time.Now().Before(until); {
		_, _ = c.Write(b) // a full queue is what is measured
	}
	for range 100 {
		if _, err := c.Write([]byte{countPlease}); err != nil {
			return nil, err
		}
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		var n uint64
		if binary.Read(c, binary.BigEndian, &n) == nil {
			return []float64{float64(n) / span.Seconds()}, nil
		}
	}
	return nil, errors.New("udp: the server does not answer")
}

func resolve(span time.Duration, name string) ([]float64, error) {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	at := net.JoinHostPort(config.Servers[0], config.Port)
	rate, err := crew(span, clients, func(until time.Time) (n int64, err error) {
		c, err := dial("udp", at, until)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		d := &dns.Conn{Conn: c}
		for ; time.Now().Before(until); n++ {
			if err := d.WriteMsg(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)); err != nil {
				return 0, err
			}
			m, err := d.ReadMsg()
			if err != nil || len(m.Answer) == 0 {
				return 0, errors.Join(err, errors.New("no address of "+name))
			}
		}
		return n, nil
	})
	return []float64{rate}, err
}
