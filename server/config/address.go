package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Off as an address means no listener.
const Off = "off"

// localhost stands for both loopback addresses, whatever a resolver says.
const localhost = "localhost"

// portTries is how often Listen looks for a port that is free on both loopbacks.
const portTries = 20

// Validate checks what single options cannot: that addresses other than loopback
// let nobody in who doesn't authenticate (unless Insecure is set), that they differ, and that what belongs together is there.
func (c *Config) Validate() error {
	if err := c.checkBootstrap(); err != nil {
		return err
	}
	seen := map[string]string{}
	listeners := append(c.kafkaListeners(), KafkaListener{Option: "postgres", Address: c.Postgres}, KafkaListener{Option: "http", Address: c.HTTP})
	for _, l := range listeners {
		if l.Address == Off {
			continue
		}
		host, port, err := split(l.Address)
		if err != nil {
			return fmt.Errorf("--%s: %w", l.Option, err)
		}
		if !c.Insecure && !l.Safe && !Loopback(host) {
			return fmt.Errorf("--%s: %s is reachable from other machines and %s, or --insecure if the network is trusted", l.Option, l.Address, l.whyNot())
		}
		if other := seen[l.Address]; other != "" && port != 0 {
			return fmt.Errorf("--%s and --%s are both %s", other, l.Option, l.Address)
		}
		seen[l.Address] = l.Option
	}
	if len(c.kafkaListeners()) == 0 && c.Postgres == Off {
		return errors.New("--kafka and --postgres are both off: nobody could talk to the node")
	}
	return c.checkListeners()
}

func split(address string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", address)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q: the port is not a number from 0 to 65535", address)
	}
	return host, uint16(n), nil
}

// Loopback tells whether a host, by name or number, is this machine and nothing else can reach it. An empty host is every
// interface.
func Loopback(host string) bool {
	if host == localhost {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Listen opens an address of a Config: one listener, or for localhost one on each loopback with the same port (one alone where
// the machine has no IPv6). The error names the address and says when it is in use.
func Listen(address string) ([]net.Listener, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	if host != localhost {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, listenError(address, err)
		}
		return []net.Listener{l}, nil
	}
	for try := 1; ; try++ {
		listeners, err := listenBoth(port)
		if err == nil {
			return listeners, nil
		}
		if port != 0 || try == portTries {
			return nil, listenError(address, err)
		}
	}
}

// listenBoth listens on both loopbacks; a machine without IPv6 has one.
func listenBoth(port uint16) ([]net.Listener, error) {
	v4, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	got := v4.Addr().(*net.TCPAddr).Port
	v6, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(got)))
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.Join(err, v4.Close())
	default:
		return []net.Listener{v4}, nil
	}
}

func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use: another node, or another program, listens there: %w", address, err)
	}
	return fmt.Errorf("listen on %s: %w", address, err)
}
