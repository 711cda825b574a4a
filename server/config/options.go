package config

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Option is one thing a node can be told.
type Option struct {
	Name    string // of the flag, without dashes, and in the file
	Value   string // what the value looks like: HOST:PORT, DURATION; empty for a switch
	Default string
	Help    string
	// Repeat options may be given several times; texts with several values have one a line, or separated by semicolons.
	Repeat bool
	set    func(string) error
}

// Options lists what there is, in the order of the documentation.
func Options() []Option {
	var c Config
	return c.options()
}

func (c *Config) options() []Option {
	return append([]Option{
		text("data-dir", "DIR", &c.DataDir, Directory(), "directory of everything the node keeps; locked against a second process"),
		text("kafka", "HOST:PORT", &c.Kafka, "localhost:9092", "address of the Kafka protocol"),
		text("postgres", "HOST:PORT", &c.Postgres, "localhost:5454", "address of the Postgres protocol"),
		text("http", "HOST:PORT", &c.HTTP, "localhost:8088", "address of /healthz, /readyz, /metrics and /debug/pprof"),
		text("kafka-tls", "HOST:PORT", &c.KafkaTLS, Off, "address of the Kafka protocol over TLS (SSL)"),
		text("kafka-sasl", "HOST:PORT", &c.KafkaSASL, Off, "address of the Kafka protocol for clients that authenticate (SASL_PLAINTEXT)"),
		text("kafka-sasl-tls", "HOST:PORT", &c.KafkaSASLTLS, Off, "address of the Kafka protocol over TLS for clients that authenticate (SASL_SSL); may be any address"),
		maybe("advertised-listeners", "PROTOCOL://HOST:PORT,...", &c.AdvertisedListeners, "addresses Kafka clients are told instead of the ones they reached"),
		maybe("tls-cert", "FILE", &c.TLSCert, "certificate of the node, PEM, with those between it and its authority; read again when it changes"),
		maybe("tls-key", "FILE", &c.TLSKey, "private key of the certificate"),
		maybe("tls-client-ca", "FILE", &c.TLSClientCA, "authorities of clients' certificates, which --kafka-tls then demands"),
		maybe("kafka-admin", "NAME:FILE", &c.KafkaAdmin, "user that exists from the start and may do everything; FILE holds the password"),
		switched("insecure", &c.Insecure, false, "allow addresses other than loopback although nobody has to authenticate there"),
		word("log-level", &c.LogLevel, "info", "least level that is logged", "debug", "info", "warn", "error"),
		word("log-format", &c.LogFormat, "text", "form of the log on standard error", "text", "json"),
		number("max-connections", &c.MaxConnections, 1000, 1, 100_000, "most sessions of the Postgres endpoint"),
		size("max-message-bytes", &c.MaxMessageBytes, 64<<20, 64<<10, 1<<30, "largest message of a Postgres client"),
		duration("idle-session-timeout", &c.IdleSessionTimeout, 0, "a Postgres session that is silent for so long is closed; 0 for never"),
		duration("statement-timeout", &c.StatementTimeout, 0, "default of the setting statement_timeout; 0 for none"),
		number("default-partitions", &c.DefaultPartitions, 1, 1, 10_000, "partitions of a topic that does not say (num.partitions)"),
		switched("auto-create-topics", &c.AutoCreateTopics, true, "create a topic when a Kafka client first produces to it"),
		pairs("broker-config", &c.BrokerConfigs, "a Kafka broker config of this start (docs/reference/kafka-configs.md), such as num.partitions=4; may be repeated"),
		duration("commit-interval", &c.CommitInterval, 100*time.Millisecond, "longest time between two commits of running queries under load"),
		size("state-memory-bytes", &c.StateMemoryBytes, 4<<30, 16<<20, 1<<44, "most memory the state of all queries may use"),
		size("state-dump-bytes", &c.StateDumpBytes, 64<<20, 64<<10, 1<<40, "changelog that must have grown, and half the state's size at least, before the state is dumped anew; less makes restarts faster and writes more"),
		text("default-database", "NAME", &c.DefaultDatabase, "freshet", "database that exists from the start"),
		duration("shutdown-grace", &c.ShutdownGracePeriod, 10*time.Second, "how long running statements may go on after SIGTERM"),
	}, c.Bootstrap.options()...)
}

func text(name, value string, to *string, def, help string) Option {
	return Option{Name: name, Value: value, Default: def, Help: help, set: func(v string) error {
		if v == "" {
			return errors.New("may not be empty")
		}
		*to = v
		return nil
	}}
}

// maybe is a text that may be left out.
func maybe(name, value string, to *string, help string) Option {
	return Option{Name: name, Value: value, Help: help, set: func(v string) error {
		*to = v
		return nil
	}}
}

// pairs is an option whose values are NAME=VALUE; the last value of a name counts.
func pairs(name string, to *map[string]string, help string) Option {
	return Option{Name: name, Value: "NAME=VALUE", Help: help, Repeat: true, set: func(v string) error {
		last := ""
		for pair := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '\n' || r == ';' }) {
			key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if key = strings.TrimSpace(key); last != "" && (!ok || strings.Contains(key, ":")) {
				(*to)[last] += ";" + strings.TrimSpace(pair) // super.users=User:a;User:CN=b is one value
				continue
			}
			if !ok || key == "" {
				return fmt.Errorf("%q is not NAME=VALUE", pair)
			}
			if *to == nil {
				*to = map[string]string{}
			}
			(*to)[key] = strings.TrimSpace(value)
			last = key
		}
		return nil
	}}
}

func word(name string, to *string, def, help string, words ...string) Option {
	return Option{Name: name, Value: strings.ToUpper(strings.Join(words, "|")), Default: def, Help: help, set: func(v string) error {
		for _, w := range words {
			if strings.EqualFold(v, w) {
				*to = w
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", v, strings.Join(words, ", "))
	}}
}

func switched(name string, to *bool, def bool, help string) Option {
	return Option{Name: name, Default: strconv.FormatBool(def), Help: help, set: func(v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*to = b
		return nil
	}}
}

func number(name string, to *int, def, least, most int, help string) Option {
	return Option{Name: name, Value: "N", Default: strconv.Itoa(def), Help: help, set: func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", v, least, most)
		}
		*to = n
		return nil
	}}
}

func size[T int | int64](name string, to *T, def, least, most int64, help string) Option {
	return Option{Name: name, Value: "BYTES", Default: FormatBytes(def), Help: help, set: func(v string) error {
		n, err := ParseBytes(v)
		if err != nil {
			return err
		}
		if n < least || n > most {
			return fmt.Errorf("%s is not from %s to %s", v, FormatBytes(least), FormatBytes(most))
		}
		*to = T(n)
		return nil
	}}
}

func duration(name string, to *time.Duration, def time.Duration, help string) Option {
	return Option{Name: name, Value: "DURATION", Default: def.String(), Help: help, set: func(v string) error {
		d, err := time.ParseDuration(v)
		if v == "0" {
			d, err = 0, nil
		}
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 500ms, 30s or 5m", v)
		}
		*to = d
		return nil
	}}
}

// units are the suffixes of sizes, largest first.
var units = [...]struct {
	suffix string
	bytes  int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// ParseBytes reads a size: 1048576, 64MiB, 64M, 4G; all units are powers of 1,024.
func ParseBytes(v string) (int64, error) {
	digits := strings.TrimRight(v, "KMGTiBkmgtb ")
	suffix := strings.ToLower(strings.TrimSpace(v[len(digits):]))
	factor := int64(1)
	for _, u := range units {
		long := strings.ToLower(u.suffix)
		if suffix == long || suffix == long[:1] || suffix == long[:1]+"b" {
			factor, suffix = u.bytes, ""
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || (suffix != "" && suffix != "b") || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is not a size such as 1048576, 64MiB or 4GiB", v)
	}
	return n * factor, nil
}

// FormatBytes prints a size in the largest unit that divides it.
func FormatBytes(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// suggestion names the options that look like name.
func suggestion(name string, options []Option) string {
	var near []string
	for _, o := range options {
		if strings.HasPrefix(o.Name, name) || strings.HasPrefix(name, o.Name) || strings.Contains(o.Name, name) {
			near = append(near, o.Name)
		}
	}
	if len(near) == 0 {
		for _, o := range options {
			near = append(near, o.Name)
		}
	}
	sort.Strings(near)
	return "; there is " + strings.Join(near, ", ")
}
