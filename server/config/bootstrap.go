package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// Bootstrap says which Kafka cluster is the node's log; without Servers the node has one of its own.
type Bootstrap struct {
	Servers      string // HOST:PORT,…
	Prefix       string // of every topic, group and transactional id
	Installation string // keeps our own names apart from another installation's
	SASL         string // MECHANISM:USER:FILE
	TLS          bool
	TLSCA        string // file
}

// Mechanisms are the SASL mechanisms of Bootstrap.SASL.
var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// defaultInstallation keeps us apart from the engine of a Freshet node that is the cluster.
const defaultInstallation = "default"

// Used tells whether a cluster is named.
func (b *Bootstrap) Used() bool { return b.Servers != "" }

// List is Servers one by one.
func (b *Bootstrap) List() []string {
	var list []string
	for s := range strings.SplitSeq(b.Servers, ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// Login splits SASL: the file holds the password. Empty when nobody logs in.
func (b *Bootstrap) Login() (mechanism, user, file string, err error) {
	if b.SASL == "" {
		return "", "", "", nil
	}
	mechanism, rest, ok := strings.Cut(b.SASL, ":")
	user, file, ok2 := strings.Cut(rest, ":")
	mechanism = strings.ToUpper(mechanism)
	if !ok || !ok2 || user == "" || file == "" {
		return "", "", "", fmt.Errorf("--bootstrap-sasl: %q is not MECHANISM:USER:FILE", b.SASL)
	}
	if !slices.Contains(mechanisms, mechanism) {
		return "", "", "", fmt.Errorf("--bootstrap-sasl: %q is not one of %s", mechanism, strings.Join(mechanisms, ", "))
	}
	return mechanism, user, file, nil
}

// nameParts are what topics may be called. Source: org.apache.kafka.common.internals.Topic.
var nameParts = regexp.MustCompile(`^[A-Za-z0-9._-]{0,100}$`)

// installations are names between "_freshet-" and the rest of a topic's name, which begins with "_" or "-".
var installations = regexp.MustCompile(`^[A-Za-z0-9.]{1,100}$`)

// checkBootstrap checks what belongs to --bootstrap.
func (c *Config) checkBootstrap() error {
	if err := c.Bootstrap.validate(); err != nil || !c.Bootstrap.Used() {
		return err
	}
	if len(c.BrokerConfigs) > 0 {
		return errors.New("--broker-config: with --bootstrap the node has no log of its own; configure the cluster")
	}
	if c.KafkaAdmin != "" {
		return errors.New("--kafka-admin: with --bootstrap the node has no users; make them in the cluster")
	}
	for _, l := range []struct{ name, address string }{{"kafka-tls", c.KafkaTLS}, {"kafka-sasl", c.KafkaSASL}, {"kafka-sasl-tls", c.KafkaSASLTLS}} {
		if l.address != Off && l.address != "" {
			return fmt.Errorf("--%s: with --bootstrap the node has no Kafka listener; clients talk to the cluster", l.name)
		}
	}
	return nil
}

func (b *Bootstrap) validate() error {
	if !b.Used() {
		if b.Prefix != "" || b.SASL != "" || b.TLS || b.TLSCA != "" {
			return errors.New("--bootstrap-… options need --bootstrap, which names the cluster")
		}
		return nil
	}
	if len(b.List()) == 0 {
		return fmt.Errorf("--bootstrap: %q names no server", b.Servers)
	}
	for _, s := range b.List() {
		if host, _, err := split(s); err != nil {
			return fmt.Errorf("--bootstrap: %w", err)
		} else if host == "" {
			return fmt.Errorf("--bootstrap: %q has no host", s)
		}
	}
	if !nameParts.MatchString(b.Prefix) {
		return fmt.Errorf("--bootstrap-prefix: %q has characters a topic's name may not have, or more than 100", b.Prefix)
	}
	if !installations.MatchString(b.Installation) {
		return fmt.Errorf("--bootstrap-installation: %q is not made of 1 to 100 letters, digits and dots", b.Installation)
	}
	if b.TLSCA != "" && !b.TLS {
		return errors.New("--bootstrap-tls-ca needs --bootstrap-tls")
	}
	mechanism, _, _, err := b.Login()
	if err == nil && mechanism == "PLAIN" && !b.TLS && !b.loopback() {
		err = errors.New("--bootstrap-sasl: PLAIN sends the password as it is; use --bootstrap-tls or SCRAM")
	}
	return err
}

func (b *Bootstrap) loopback() bool {
	for _, s := range b.List() {
		if host, _, err := net.SplitHostPort(s); err != nil || !Loopback(host) {
			return false
		}
	}
	return true
}

// options are those of Bootstrap.
func (b *Bootstrap) options() []Option {
	return []Option{
		maybe("bootstrap", "HOST:PORT,...", &b.Servers, "use this Kafka cluster as the log; the node then has none of its own and no Kafka listener"),
		maybe("bootstrap-tls-ca", "FILE", &b.TLSCA, "authorities of the cluster's certificates, PEM, instead of the system's"),
		switched("bootstrap-tls", &b.TLS, false, "connect to the cluster over TLS"),
		maybe("bootstrap-sasl", "MECHANISM:USER:FILE", &b.SASL, "log in to the cluster; PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; FILE holds the password"),
		text("bootstrap-installation", "NAME", &b.Installation, defaultInstallation, "name that keeps this installation apart from others on the cluster, in the names of its own topics, groups and transactional ids"),
		maybe("bootstrap-prefix", "TEXT", &b.Prefix, "begins the name of every topic, group and transactional id in the cluster; topics without it are not seen"),
	}
}
