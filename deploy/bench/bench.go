// Package bench is the load generator. In: where a store listens and how much
// to send. Out: what was accepted, how fast, at what cost, and with Verify
// whether the store holds each accepted event exactly once. It sends to
// loopback addresses only unless told otherwise, and always ends.
package bench

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config says what to send and where.
type Config struct {
	DSN      string // http://KEY@host:port/PROJECT.
	OTLP     string // Base URL of OTLP/HTTP, for mode otlp.
	Mode     string // envelope, store or otlp.
	JSON     bool   // OTLP as JSON instead of protobuf.
	Gzip     bool
	Rate     float64 // Events a second, open loop; 0 is closed loop.
	Callers  int     // Connections.
	Duration time.Duration
	Events   int // Stop after so many; 0 is by Duration alone.

	Fingerprints int // Different issues.
	Users        int
	Batch        int     // Spans a request in mode otlp.
	Duplicates   float64 // Share of accepted events that are sent once more with the same id.

	Verify     bool
	ClickHouse string // Native address, for Verify, backlog and freshness.
	User       string
	Password   string
	Wait       time.Duration // How long Verify waits for the last event.

	PIDs      map[string]int // Processes whose CPU and memory count.
	AllowAway bool           // Targets beyond loopback are allowed.
	Progress  func(string)   // Called about once a second; may be nil.
}

// check fills defaults and refuses what cannot run.
func (c *Config) check() error {
	switch c.Mode {
	case "":
		c.Mode = "envelope"
	case "envelope", "store", "otlp":
	default:
		return fmt.Errorf("cannot run mode %q: use envelope, store or otlp", c.Mode)
	}
	for name, n := range map[string]float64{"rate": c.Rate, "callers": float64(c.Callers), "duration": float64(c.Duration), "events": float64(c.Events),
		"fingerprints": float64(c.Fingerprints), "users": float64(c.Users), "batch": float64(c.Batch), "wait": float64(c.Wait)} {
		if n < 0 {
			return fmt.Errorf("cannot run the bench: --%s is less than 0: leave it out for its default", name)
		}
	}
	if c.Callers <= 0 {
		c.Callers = 16
	}
	if c.Duration <= 0 && c.Events <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Minute
	}
	if c.Fingerprints <= 0 {
		c.Fingerprints = 100
	}
	if c.Users <= 0 {
		c.Users = 10000
	}
	if c.Batch <= 0 {
		c.Batch = 1
	}
	if c.Wait <= 0 {
		c.Wait = 60 * time.Second
	}
	if c.Duplicates < 0 || c.Duplicates > 1 {
		return errors.New("cannot send duplicates: give a share from 0 to 1")
	}
	for name, raw := range map[string]string{"dsn": c.DSN, "otlp": c.OTLP} {
		if raw == "" {
			if name == "dsn" || c.Mode == "otlp" {
				return fmt.Errorf("cannot send: no %s is given; start the store with `errata up` or name one", name)
			}
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return fmt.Errorf("cannot read %s: it is no URL", name)
		}
		if ip := net.ParseIP(u.Hostname()); !c.AllowAway && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("cannot send to %s: it is not on this machine; --allow-away permits it for a store of your own", u.Host)
		}
	}
	return nil
}

// target cuts a DSN into the parts that a request needs.
func (c *Config) target() (base, key, project string, err error) {
	u, err := url.Parse(c.DSN)
	if err != nil || u.User == nil {
		return "", "", "", errors.New("cannot read dsn: it must look like http://KEY@host:port/PROJECT")
	}
	return u.Scheme + "://" + u.Host, u.User.Username(), strings.Trim(u.Path, "/"), nil
}
