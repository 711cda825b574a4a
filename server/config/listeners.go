package config

import (
	"errors"
	"fmt"
	"strings"
)

// Kafka's names of what a listener asks of its clients.
const (
	ProtocolPlaintext = "PLAINTEXT"
	ProtocolSSL       = "SSL"
	ProtocolSASL      = "SASL_PLAINTEXT"
	ProtocolSASLSSL   = "SASL_SSL"
)

// KafkaListener is one address of the Kafka protocol.
type KafkaListener struct {
	Option   string // that names it, without dashes
	Protocol string
	Address  string
	TLS      bool
	// Safe says that whoever isn't let in stays out, on any network.
	Safe bool
}

// kafkaListeners lists all that are not off. A node whose log is a cluster has none.
func (c *Config) kafkaListeners() []KafkaListener {
	var out []KafkaListener
	if c.Bootstrap.Used() {
		return nil
	}
	for _, l := range []KafkaListener{
		{Option: "kafka", Protocol: ProtocolPlaintext, Address: c.Kafka},
		{Option: "kafka-tls", Protocol: ProtocolSSL, Address: c.KafkaTLS, TLS: true, Safe: c.TLSClientCA != ""},
		{Option: "kafka-sasl", Protocol: ProtocolSASL, Address: c.KafkaSASL},
		{Option: "kafka-sasl-tls", Protocol: ProtocolSASLSSL, Address: c.KafkaSASLTLS, TLS: true, Safe: true},
	} {
		if l.Address != Off {
			out = append(out, l)
		}
	}
	return out
}

// SecureListeners are the Kafka listeners with TLS, SASL or both.
func (c *Config) SecureListeners() []KafkaListener {
	var out []KafkaListener
	for _, l := range c.kafkaListeners() {
		if l.Protocol != ProtocolPlaintext {
			out = append(out, l)
		}
	}
	return out
}

// Advertised is the address that clients of a protocol's listener are told, "" for the one each of them reached.
func (c *Config) Advertised(protocol string) string {
	for entry := range strings.SplitSeq(c.AdvertisedListeners, ",") {
		if name, address, ok := strings.Cut(strings.TrimSpace(entry), "://"); ok && name == protocol {
			return address
		}
	}
	return ""
}

// Admin is the user that exists from the start and the file of the password; "" for none.
func (c *Config) Admin() (name, file string) {
	name, file, _ = strings.Cut(c.KafkaAdmin, ":")
	return name, file
}

// checkListeners checks what belongs together: certificates, advertised addresses, the first user.
func (c *Config) checkListeners() error {
	on := map[string]bool{}
	for _, l := range c.kafkaListeners() {
		on[l.Protocol] = true
		if l.TLS && (c.TLSCert == "" || c.TLSKey == "") {
			return fmt.Errorf("--%s needs --tls-cert and --tls-key", l.Option)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.TLSClientCA != "" && !on[ProtocolSSL] {
		return errors.New("--tls-client-ca needs --kafka-tls")
	}
	if name, file := c.Admin(); c.KafkaAdmin != "" && (name == "" || file == "") {
		return fmt.Errorf("--kafka-admin: %q is not NAME:FILE", c.KafkaAdmin)
	}
	if c.AdvertisedListeners == "" {
		return nil
	}
	for entry := range strings.SplitSeq(c.AdvertisedListeners, ",") {
		name, address, ok := strings.Cut(strings.TrimSpace(entry), "://")
		if !ok {
			return fmt.Errorf("--advertised-listeners: %q is not PROTOCOL://HOST:PORT", entry)
		}
		if !on[name] {
			return fmt.Errorf("--advertised-listeners: there is no listener %s; the protocols are %s, %s, %s and %s",
				name, ProtocolPlaintext, ProtocolSSL, ProtocolSASL, ProtocolSASLSSL)
		}
		if host, _, err := split(address); err != nil || host == "" {
			return fmt.Errorf("--advertised-listeners: %q is not HOST:PORT", address)
		}
	}
	return nil
}

// whyNot says what makes an address reachable from other machines unsafe.
func (l *KafkaListener) whyNot() string {
	switch l.Protocol {
	case ProtocolSSL:
		return "nobody has to authenticate; use localhost, --tls-client-ca, --kafka-sasl-tls"
	case ProtocolSASL:
		return "passwords and records would not be encrypted; use localhost, --kafka-sasl-tls"
	}
	return "nobody has to authenticate; use localhost, --kafka-sasl-tls for Kafka clients"
}
