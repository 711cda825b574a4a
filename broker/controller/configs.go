package controller

import (
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

// AlterConfigs decides on the changes of one resource: all or none.
func (c *Controller) AlterConfigs(img *metadata.Image, r metadata.Resource, changes []ConfigChange) ([]metadata.Record, *Error) {
	find, err := findDefs(img, r)
	if err != nil {
		return nil, err
	}
	set := img.Configs(r)
	var records []metadata.Record
	seen := make(map[string]bool, len(changes))
	for _, change := range changes {
		if seen[change.Key] {
			return nil, refuse(kerr.InvalidRequest, "config %q is changed twice", change.Key)
		}
		seen[change.Key] = true
		def := find(change.Key)
		if def == nil {
			return nil, refuse(kerr.InvalidConfig, "unknown config %q", change.Key)
		}
		if def.ReadOnly {
			return nil, refuse(kerr.InvalidRequest, "config %q can only be set where the node is started", change.Key)
		}
		record, err := alterOne(r, def, set, change)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// ReplaceConfigs decides on AlterConfigs' older form: the named configs are set, all others of the resource go back to their defaults.
func (c *Controller) ReplaceConfigs(img *metadata.Image, r metadata.Resource, configs map[string]*string) ([]metadata.Record, *Error) {
	changes := make([]ConfigChange, 0, len(configs))
	for key, value := range configs {
		op := ConfigSet
		if value == nil {
			op = ConfigDelete
		}
		changes = append(changes, ConfigChange{Key: key, Op: op, Value: value})
	}
	for key := range img.Configs(r) {
		if _, named := configs[key]; !named {
			changes = append(changes, ConfigChange{Key: key, Op: ConfigDelete})
		}
	}
	slices.SortFunc(changes, func(a, b ConfigChange) int { return strings.Compare(a.Key, b.Key) })
	return c.AlterConfigs(img, r, changes)
}

// findDefs says which configs a resource has.
func findDefs(img *metadata.Image, r metadata.Resource) (func(string) *metadata.ConfigDef, *Error) {
	switch r.Type {
	case metadata.ResourceTopic:
		if img.Topic(r.Name) == nil {
			return nil, refuse(kerr.UnknownTopicOrPartition, "topic %q does not exist", r.Name)
		}
		return metadata.TopicConfigDef, nil
	case metadata.ResourceBroker:
		if r.Name == "" {
			return metadata.BrokerConfigDef, nil
		}
		id, err := strconv.ParseInt(r.Name, 10, 32)
		if err != nil || img.Broker(int32(id)) == nil {
			return nil, refuse(kerr.InvalidRequest, "no broker is called %q", r.Name)
		}
		return metadata.BrokerConfigDef, nil
	}
	return nil, refuse(kerr.InvalidRequest, "resources of type %d have no configs here", r.Type)
}

func alterOne(r metadata.Resource, def *metadata.ConfigDef, set map[string]string, change ConfigChange) (metadata.Record, *Error) {
	record := metadata.ConfigRecord{Resource: r, Key: change.Key}
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
		now, isSet := set[change.Key]
		if !isSet {
			now = def.Default
		}
		record.Value = editList(now, *change.Value, change.Op)
	default:
		return nil, refuse(kerr.InvalidRequest, "unknown operation %d on config %q", change.Op, change.Key)
	}
	return record, checkConfig(def, change.Key, record.Value)
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
