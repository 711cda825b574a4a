package broker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
)

// saidElsewhere are configs that other options of a node decide; Kafka reads them from its file.
var saidElsewhere = []string{metadata.ConfigNodeID, metadata.ConfigBrokerID, configListeners, configAdvertised, configLogDirs, configMetadataDir, "process.roles"}

const (
	configListeners   = "listeners"
	configAdvertised  = "advertised.listeners"
	configLogDirs     = "log.dirs"
	configMetadataDir = "metadata.log.dir"
)

// CheckConfigs tells whether a node may be started with these broker configs; what Start says, too. Its error has a line for each that is wrong.
func CheckConfigs(configs map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		def := metadata.BrokerConfigDef(name)
		switch {
		case def == nil:
			errs = append(errs, fmt.Errorf("there is no broker config %q%s", name, nearConfig(name)))
		case slices.Contains(saidElsewhere, name):
			errs = append(errs, fmt.Errorf("broker config %s follows from the node's other options and can't be set", name))
		default:
			errs = append(errs, def.Check(def.Normal(configs[name])))
		}
	}
	if _, err := auth.ParsePrincipals(configs[metadata.ConfigSuperUsers]); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", metadata.ConfigSuperUsers, err))
	}
	return errors.Join(errs...)
}

// nearConfig says what somebody may have meant who gave the name of a topic config.
func nearConfig(name string) string {
	if def := metadata.TopicConfigDef(name); def != nil && len(def.Synonyms) > 0 {
		return fmt.Sprintf(" (the topics' %s has %s as its default)", name, def.Synonyms[0].Name)
	}
	return ""
}

// staticConfigs are the broker configs of this start: what was asked for and what other options say.
func (b *Broker) staticConfigs() map[string]string {
	static := make(map[string]string, len(b.opts.Configs))
	for name, value := range b.opts.Configs {
		static[name] = metadata.BrokerConfigDef(name).Normal(value)
	}
	id := strconv.Itoa(int(b.opts.NodeID))
	static[metadata.ConfigNodeID], static[metadata.ConfigBrokerID], static[configLogDirs] = id, id, b.topicsDir
	static[configMetadataDir] = b.opts.FS.PathJoin(b.opts.DataDir, dirMetadata)
	unlessSet := func(name, value string, said bool) {
		if _, set := static[name]; said && !set {
			static[name] = value
		}
	}
	internal := strconv.Itoa(int(b.opts.InternalPartitions))
	unlessSet(metadata.ConfigOffsetsPartitions, internal, b.opts.InternalPartitions > 0)
	unlessSet(metadata.ConfigTransactionPartitions, internal, b.opts.InternalPartitions > 0)
	unlessSet(metadata.ConfigNumPartitions, strconv.Itoa(int(b.opts.NumPartitions)), b.opts.NumPartitions > 0)
	unlessSet(metadata.ConfigAutoCreateTopics, "false", b.opts.NoAutoCreate)
	unlessSet(metadata.ConfigRetentionCheckMs, strconv.FormatInt(b.opts.RetentionInterval.Milliseconds(), 10), b.opts.RetentionInterval > 0)
	var listeners []string
	for _, e := range b.endpoints() {
		listeners = append(listeners, fmt.Sprintf("%s://%s:%d", e.Listener, e.Host, e.Port))
	}
	static[configListeners] = strings.Join(listeners, ",")
	if told := b.advertisedListeners(); told != "" {
		static[configAdvertised] = told
	}
	return static
}

// configs is this broker's configuration.
func (b *Broker) configs(img *metadata.Image) metadata.NodeConfigs {
	return img.NodeConfigs(b.opts.NodeID, b.static)
}
