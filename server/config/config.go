// Package config is the server's configuration: file, environment, flags; documented defaults; it knows no package of ours.
//
// A value is looked for in this order: flag, environment (FRESHET_ and the name in capitals, dashes as underscores), configuration
// file (TOML, the same names), default. Options is the one list of what there is: flags, environment, file, checks and
// docs/reference/config.md are made from it.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is everything a node can be told. Addresses are HOST:PORT; the host "localhost" means both 127.0.0.1 and ::1, port 0
// any free port, "off" no listener.
type Config struct {
	DataDir  string
	Kafka    string
	Postgres string
	HTTP     string
	Insecure bool

	KafkaTLS, KafkaSASL, KafkaSASLTLS string // more addresses of the Kafka protocol
	AdvertisedListeners               string // PROTOCOL://HOST:PORT,…
	TLSCert, TLSKey, TLSClientCA      string // files
	KafkaAdmin                        string // NAME:FILE

	Bootstrap Bootstrap

	LogLevel  string // debug, info, warn, error
	LogFormat string // text, json

	MaxConnections     int           // of the Postgres endpoint
	MaxMessageBytes    int           // of a Postgres message
	IdleSessionTimeout time.Duration // 0: none
	StatementTimeout   time.Duration // default of the setting; 0: none

	DefaultPartitions   int
	AutoCreateTopics    bool
	BrokerConfigs       map[string]string // by Kafka's names; they win over the two above
	CommitInterval      time.Duration
	StateMemoryBytes    int64
	StateDumpBytes      int64
	DefaultDatabase     string
	ShutdownGracePeriod time.Duration
}

// Default is the configuration of a node that was told nothing.
func Default() Config {
	var c Config
	for _, o := range c.options() {
		if err := o.set(o.Default); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", o.Name, err)) // the table below is wrong
		}
	}
	return c
}

// Set gives one option its value from text. Unknown names and values that do not parse are errors that say what would do.
func (c *Config) Set(name, value string) error {
	for _, o := range c.options() {
		if o.Name == name {
			if err := o.set(value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("unknown option %q%s", name, suggestion(name, c.options()))
}

// Load is the configuration from the defaults, a file (empty: none), the environment (as os.Environ gives it) and flags
// (name → value), later ones winning, checked by Validate.
func Load(file string, environ []string, flags map[string]string) (Config, error) {
	c := Default()
	if file != "" {
		if err := c.loadFile(file); err != nil {
			return c, err
		}
	}
	if err := c.loadEnviron(environ); err != nil {
		return c, err
	}
	for name, value := range flags {
		if err := c.Set(name, value); err != nil {
			return c, fmt.Errorf("--%w", err)
		}
	}
	return c, c.Validate()
}

func (c *Config) loadFile(file string) error {
	values := map[string]any{}
	if _, err := toml.DecodeFile(file, &values); err != nil {
		return fmt.Errorf("configuration file %s: %w", file, err)
	}
	for name, value := range values {
		if _, ok := value.(map[string]any); ok {
			return fmt.Errorf("configuration file %s: %q is a section; options stand at the top level", file, name)
		}
		if err := c.Set(strings.ReplaceAll(name, "_", "-"), fileText(value)); err != nil {
			return fmt.Errorf("configuration file %s: %w", file, err)
		}
	}
	return nil
}

// fileText is a value of the file as text; those of a list stand one a line.
func fileText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	lines := make([]string, len(list))
	for i, v := range list {
		lines[i] = fmt.Sprint(v)
	}
	return strings.Join(lines, "\n")
}

// envPrefix begins the names of our environment variables.
const envPrefix = "FRESHET_"

// EnvName is the environment variable of an option.
func EnvName(option string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// FileVariable names the configuration file when no flag does.
const FileVariable = envPrefix + "CONFIG"

func (c *Config) loadEnviron(environ []string) error {
	byEnv := map[string]string{}
	for _, o := range c.options() {
		byEnv[EnvName(o.Name)] = o.Name
	}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		name, ok := byEnv[variable]
		if !ok || value == "" {
			continue
		}
		if err := c.Set(name, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", variable, err)
		}
	}
	return nil
}

// Directory is the data directory a node uses when it was told none: $XDG_DATA_HOME/freshet, or ~/.local/share/freshet, or
// ./freshet-data where there is no home.
func Directory() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "freshet")
	}
	home, err := os.UserHomeDir()
	if err != nil || home == "" || home == "/" {
		return "freshet-data"
	}
	return filepath.Join(home, ".local", "share", "freshet")
}
