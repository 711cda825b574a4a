package controller

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/metadata"
)

// ConfigOp is what IncrementalAlterConfigs does to a config, in Kafka's numbers.
type ConfigOp int8

// The operations of IncrementalAlterConfigs.
const (
	ConfigSet      ConfigOp = 0
	ConfigDelete   ConfigOp = 1
	ConfigAppend   ConfigOp = 2 // to a list
	ConfigSubtract ConfigOp = 3 // from a list
)

// ConfigChange is one operation on one config. A nil Value is only allowed with ConfigDelete.
type ConfigChange struct {
	Key   string
	Op    ConfigOp
	Value *string
}

// configValueMax bounds what one config may hold: the image is in every node's memory.
const configValueMax = 32 << 10

// AlterConfigs decides on the changes of one resource: all or none.
func (c *Controller) AlterConfigs(img *metadata.Image, r metadata.Resource, changes []ConfigChange) ([]metadata.Record, *Error) {
	owner, err := c.findOwner(img, r)
	if err != nil {
		return nil, err
	}
	var records []metadata.Record
	seen := make(map[string]bool, len(changes))
	for _, change := range changes {
		if seen[change.Key] {
			return nil, refuse(kerr.InvalidRequest, "config %q is changed twice", change.Key)
		}
		seen[change.Key] = true
		def := owner.find(change.Key)
		if def == nil && change.Op == ConfigDelete {
			continue // it isn't set, which is what was asked for
		}
		if def == nil {
			return nil, refuse(kerr.InvalidConfig, "unknown config %q", change.Key)
		}
		if def.ReadOnly {
			return nil, refuse(kerr.InvalidRequest, "config %q can only be set where the node is started", change.Key)
		}
		record, err := owner.alter(def, change)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, owner.check(records)
}

// ReplaceConfigs decides on AlterConfigs' older form: the named configs are set, all others of the resource go back to their defaults.
func (c *Controller) ReplaceConfigs(img *metadata.Image, r metadata.Resource, configs map[string]*string) ([]metadata.Record, *Error) {
	changes := make([]ConfigChange, 0, len(configs))
	for key, value := range configs {
		changes = append(changes, ConfigChange{Key: key, Op: ConfigSet, Value: value})
	}
	for key := range img.Configs(r) {
		if _, named := configs[key]; !named {
			changes = append(changes, ConfigChange{Key: key, Op: ConfigDelete})
		}
	}
	slices.SortFunc(changes, func(a, b ConfigChange) int { return strings.Compare(a.Key, b.Key) })
	return c.AlterConfigs(img, r, changes)
}

// owner is a resource, with the configs it may have and their values now.
type owner struct {
	resource metadata.Resource
	configs  metadata.NodeConfigs
	set      map[string]string
	find     func(name string) *metadata.ConfigDef
	value    func(def *metadata.ConfigDef) metadata.ConfigValue
}

// findOwner says which configs a resource has.
func (c *Controller) findOwner(img *metadata.Image, r metadata.Resource) (*owner, *Error) {
	o := topicOwner(c.configs(img), img.Configs(r))
	switch o.resource = r; r.Type {
	case metadata.ResourceTopic:
		if err := checkTopicResource(r.Name); err != nil {
			return nil, err
		}
		if img.Topic(r.Name) == nil {
			return nil, refuse(kerr.UnknownTopicOrPartition, "topic %q does not exist", r.Name)
		}
	case metadata.ResourceBroker:
		if id, err := strconv.ParseInt(r.Name, 10, 32); r.Name != "" && (err != nil || img.Broker(int32(id)) == nil) {
			return nil, refuse(kerr.InvalidRequest, "no broker is called %q", r.Name)
		}
		o.find, o.value = metadata.BrokerConfigDef, o.configs.Broker
	case metadata.ResourceGroup, metadata.ResourceClientMetrics:
		if r.Name == "" || len(r.Name) > resourceNameMax {
			return nil, refuse(kerr.InvalidRequest, "name of a resource has between 1 and %d characters", resourceNameMax)
		}
		o.find, o.value = metadata.GroupConfigDef, func(def *metadata.ConfigDef) metadata.ConfigValue { return o.configs.Group(o.set, def) }
		if r.Type == metadata.ResourceClientMetrics {
			o.find = metadata.ClientMetricsConfigDef
		}
	default:
		return nil, refuse(kerr.InvalidRequest, "resources of type %d have no configs here", r.Type)
	}
	return o, nil
}

// topicOwner is a topic on which set is set.
func topicOwner(configs metadata.NodeConfigs, set map[string]string) *owner {
	o := &owner{configs: configs, set: set, find: metadata.TopicConfigDef}
	o.value = func(def *metadata.ConfigDef) metadata.ConfigValue { return o.configs.Topic(o.set, def) }
	return o
}

func checkTopicResource(name string) *Error {
	if name == "" {
		return refuse(kerr.InvalidRequest, "default topic resources are not allowed")
	}
	return CheckTopicName(name)
}

// resourceNameMax bounds the names of groups and subscriptions that need not exist.
const resourceNameMax = 1024

func (o *owner) alter(def *metadata.ConfigDef, change ConfigChange) (metadata.Record, *Error) {
	record := metadata.ConfigRecord{Resource: o.resource, Key: change.Key}
	if change.Op == ConfigDelete {
		record.Removed = true
		return record, nil
	}
	if change.Value == nil {
		return nil, refuse(kerr.InvalidRequest, "config %q has no value", change.Key)
	}
	switch record.Value = *change.Value; change.Op {
	case ConfigSet:
	case ConfigAppend, ConfigSubtract:
		if def.Type != metadata.ConfigList {
			return nil, refuse(kerr.InvalidConfig, "config %q is not a list, so nothing can be appended or subtracted", change.Key)
		}
		record.Value = editList(o.value(def).Text, *change.Value, change.Op)
	default:
		return nil, refuse(kerr.InvalidRequest, "unknown operation %d on config %q", change.Op, change.Key)
	}
	if len(record.Value) > configValueMax {
		return nil, refuse(kerr.InvalidConfig, "config %q has %d bytes, %d are allowed", change.Key, len(record.Value), configValueMax)
	}
	record.Value = def.Normal(record.Value)
	if err := checkConfig(def, change.Key, record.Value); err != nil {
		return nil, o.blame(err)
	}
	return record, nil
}

// blame gives a bad value the code Kafka gives it: of brokers and client metrics it is the request that is invalid.
func (o *owner) blame(err *Error) *Error {
	if o.resource.Type == metadata.ResourceBroker || o.resource.Type == metadata.ResourceClientMetrics {
		return &Error{Kafka: kerr.InvalidRequest, Message: err.Message}
	}
	return err
}

// check holds what single configs can't tell against what the resource will have.
func (o *owner) check(records []metadata.Record) *Error {
	after := maps.Clone(o.set)
	if after == nil {
		after = make(map[string]string, len(records))
	}
	for _, r := range records {
		if c, ok := r.(metadata.ConfigRecord); ok && c.Removed {
			delete(after, c.Key)
		} else if ok {
			after[c.Key] = c.Value
		}
	}
	o.set = after
	switch o.resource.Type {
	case metadata.ResourceTopic:
		return o.checkTopic()
	case metadata.ResourceGroup:
		return o.checkGroup()
	}
	return nil
}

// checkTopic refuses topic configs that contradict each other.
func (o *owner) checkTopic() *Error {
	least, most := o.number("min.compaction.lag.ms"), o.number("max.compaction.lag.ms")
	if least > most {
		return refuse(kerr.InvalidConfig, "min.compaction.lag.ms (%d) can't be above max.compaction.lag.ms (%d)", least, most)
	}
	return nil
}

func (o *owner) number(name string) int64 {
	n, _ := strconv.ParseInt(o.value(o.find(name)).Text, 10, 64) // checked by its definition
	return n
}

// checkGroup holds a group's configs between the bounds the brokers set, and the session above the heartbeat.
func (o *owner) checkGroup() *Error {
	heartbeat, err := o.bounded("consumer.heartbeat.interval.ms", metadata.ConfigConsumerHeartbeatMsMin, metadata.ConfigConsumerHeartbeatMsMax)
	if err != nil {
		return err
	}
	session, err := o.bounded("consumer.session.timeout.ms", metadata.ConfigConsumerSessionMsMin, metadata.ConfigConsumerSessionMsMax)
	if err != nil {
		return err
	}
	if session <= heartbeat {
		return refuse(kerr.InvalidConfig, "consumer.session.timeout.ms (%d) must be above consumer.heartbeat.interval.ms (%d)", session, heartbeat)
	}
	return nil
}

func (o *owner) bounded(name, least, most string) (int64, *Error) {
	n := o.number(name)
	low, high := o.configs.Int(least), o.configs.Int(most)
	if _, isSet := o.set[name]; isSet && (n < low || n > high) {
		return 0, refuse(kerr.InvalidConfig, "%s is between %d and %d here (%s, %s), not %d", name, low, high, least, most, n)
	}
	return n, nil
}

// editList appends the words of edit that are missing from list, or takes its words off it.
func editList(list, edit string, op ConfigOp) string {
	words := metadata.SplitList(list)
	for _, w := range metadata.SplitList(edit) {
		at := slices.Index(words, w)
		switch {
		case op == ConfigAppend && at < 0:
			words = append(words, w)
		case op == ConfigSubtract && at >= 0:
			words = slices.Delete(words, at, at+1)
		}
	}
	return strings.Join(words, ",")
}
