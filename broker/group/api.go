package group

import (
	"cmp"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// JoinRequest asks to become, or stay, a member (JoinGroup).
type JoinRequest struct {
	Group, MemberID, InstanceID string
	ClientID, ClientHost        string
	SessionTimeout              time.Duration
	RebalanceTimeout            time.Duration
	ProtocolType                string
	Protocols                   []Protocol
	// RequireKnownMemberID makes a first join answer MemberIDRequired with an id to come back with (KIP-394, v4+).
	RequireKnownMemberID bool
	// CanSkipAssignment tells that a returning static leader understands SkipAssignment (v9+).
	CanSkipAssignment bool
}

// JoinResponse answers a JoinRequest. Members is filled for the leader only.
type JoinResponse struct {
	Code           coordinator.Code
	Generation     int32
	ProtocolType   string
	Protocol       string
	Leader         string
	MemberID       string
	SkipAssignment bool
	Members        []JoinedMember
}

// JoinedMember is what the leader learns of a member.
type JoinedMember struct {
	MemberID, InstanceID string
	Metadata             []byte
}

// SyncRequest asks for a member's assignment, and brings everyone's when the leader asks (SyncGroup).
type SyncRequest struct {
	Group, MemberID, InstanceID string
	Generation                  int32
	// ProtocolType and Protocol are checked when not empty (v5+).
	ProtocolType, Protocol string
	Assignments            map[string][]byte // by member id
}

// SyncResponse answers a SyncRequest.
type SyncResponse struct {
	Code                   coordinator.Code
	ProtocolType, Protocol string
	Assignment             []byte
}

// LeavingMember names a member that leaves; MemberID may be empty for a static one.
type LeavingMember struct {
	MemberID, InstanceID string
}

// Committer says who commits or asks for offsets. Generation -1 with no member is a simple consumer, outside of any
// generation; in a consumer group it is the member's epoch.
type Committer struct {
	Group, MemberID, InstanceID string
	Generation                  int32
	// KnowsEpochs tells that the caller understands the answers about member epochs (OffsetCommit, OffsetFetch v9+).
	KnowsEpochs bool
}

// Offset is a committed position.
type Offset struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Metadata    string
	CommittedAt int64 // milliseconds since 1970
}

// TopicOffset is a position to commit, or one found, with a code of its own.
type TopicOffset struct {
	Topic     string
	Partition int32
	Offset
	Code coordinator.Code
}

// Description of a group (DescribeGroups).
type Description struct {
	Code         coordinator.Code
	Group        string
	State        State
	ProtocolType string
	Protocol     string
	Generation   int32
	Members      []MemberDescription
}

// MemberDescription describes a member.
type MemberDescription struct {
	MemberID, InstanceID string
	ClientID, ClientHost string
	Metadata, Assignment []byte
}

// Listing is a line of ListGroups.
type Listing struct {
	Group        string
	ProtocolType string
	Type         string // TypeClassic or TypeConsumer
	State        State
}

// Options bound what members may ask for. The zero value gets the defaults.
type Options struct {
	SessionTimeoutMin     time.Duration // `group.min.session.timeout.ms`, 6 s
	SessionTimeoutMax     time.Duration // `group.max.session.timeout.ms`, 30 min
	InitialRebalanceDelay time.Duration // `group.initial.rebalance.delay.ms`: how long a first member waits for others; negative means none, 0 the default of 3 s
	MembersMax            int           // `group.max.size`: of a classic group; 10,000
	OffsetMetadataMax     int           // `offset.metadata.max.bytes`: of a position's note; 4,096

	HeartbeatInterval time.Duration // `group.consumer.heartbeat.interval.ms`, 5 s
	SessionTimeout    time.Duration // `group.consumer.session.timeout.ms`, 45 s
	ConsumersMax      int           // `group.consumer.max.size`: members of a consumer group; 10,000
	Assignors         []string      // `group.consumer.assignors`, the default first; uniform, range
	Migration         string        // `group.consumer.migration.policy`: MigrateBoth unless set

	// OffsetsRetention is how long positions of a group without members are kept (`offsets.retention.minutes`). 0, and
	// anything negative, keeps them as long as their topics.
	OffsetsRetention time.Duration
}

// Config is what a group may have set for itself (config resources of type GROUP).
type Config struct {
	HeartbeatInterval time.Duration
	SessionTimeout    time.Duration
}

// Names of the configs of Config.
const (
	ConfigHeartbeatInterval = "consumer.heartbeat.interval.ms"
	ConfigSessionTimeout    = "consumer.session.timeout.ms"
)

const (
	defaultSessionTimeoutMin     = 6 * time.Second
	defaultSessionTimeoutMax     = 30 * time.Minute
	defaultInitialRebalanceDelay = 3 * time.Second
	defaultMembersMax            = 10_000
	defaultOffsetMetadataMax     = 4096
	defaultHeartbeatInterval     = 5 * time.Second
	defaultSessionTimeout        = 45 * time.Second
)

func (o Options) withDefaults() Options {
	o.SessionTimeoutMin = cmp.Or(o.SessionTimeoutMin, defaultSessionTimeoutMin)
	o.SessionTimeoutMax = cmp.Or(o.SessionTimeoutMax, defaultSessionTimeoutMax)
	o.InitialRebalanceDelay = max(cmp.Or(o.InitialRebalanceDelay, defaultInitialRebalanceDelay), 0)
	o.MembersMax = cmp.Or(o.MembersMax, defaultMembersMax)
	o.OffsetMetadataMax = cmp.Or(o.OffsetMetadataMax, defaultOffsetMetadataMax)
	o.HeartbeatInterval = cmp.Or(o.HeartbeatInterval, defaultHeartbeatInterval)
	o.SessionTimeout = cmp.Or(o.SessionTimeout, defaultSessionTimeout)
	o.ConsumersMax = cmp.Or(o.ConsumersMax, defaultMembersMax)
	o.Migration = cmp.Or(o.Migration, MigrateBoth)
	o.Assignors = slices.DeleteFunc(slices.Clone(o.Assignors), func(name string) bool {
		return name != AssignorUniform && name != AssignorRange
	})
	if len(o.Assignors) == 0 {
		o.Assignors = []string{AssignorUniform, AssignorRange}
	}
	return o
}

// defaultAssignor is used by groups whose members ask for none.
func (o *Options) defaultAssignor() string { return o.Assignors[0] }
