# shellcheck shell=bash
# A broker that knows its users: TLS, SASL/SCRAM-SHA-512, and ACLs that deny what
# they do not allow. Sourced by scripts/kafka.
#
# What it makes in DIR, readable by this user only:
#   ca.pem                   the authority that signed the brokers' certificate
#   NAME.password            of the users admin (may do anything) and opsconductor
#                            (may do nothing until somebody gives it rights)
#   NAME.properties          for Kafka's own tools: --command-config
# and kafka.secure marks the cluster as one.

KAFKA_USERS=(admin opsconductor)

kafka_is_secure() { [ -e "$1/kafka.secure" ]; }

kafka_openssl() {
    openssl "$@" 2>"$dir/openssl.log" || {
        cat "$dir/openssl.log" >&2
        die "Kafka $dir" "openssl could not make its certificates" "apt-get install openssl"
    }
}

# The names in the certificate are checked by every client.
kafka_certificates() {
    local dir=$1
    [ ! -e "$dir/broker.pem" ] || return 0
    have openssl || die "Kafka $dir" "openssl is missing" "apt-get install openssl"
    kafka_openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=OpsConductor test authority" \
        -keyout "$dir/ca.key" -out "$dir/ca.pem"
    kafka_openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" \
        -keyout "$dir/broker.key" -out "$dir/broker.csr"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$dir/broker.names"
    kafka_openssl x509 -req -in "$dir/broker.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
        -days 30 -extfile "$dir/broker.names" -out "$dir/broker.crt"
    cat "$dir/broker.key" "$dir/broker.crt" >"$dir/broker.pem"
}

kafka_client_properties() {
    cat <<PROPERTIES
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=$(kafka_jaas "$1" "$2")
ssl.truststore.type=PEM
ssl.truststore.location=$1/ca.pem
PROPERTIES
}

kafka_jaas() {
    printf 'org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";\n' \
        "$2" "$(cat "$1/$2.password")"
}

kafka_secure() (
    umask 077
    chmod 700 "$1" # the nodes' settings hold the admin's password
    for user in "${KAFKA_USERS[@]}"; do
        [ -s "$1/$user.password" ] || random_word >"$1/$user.password"
        kafka_client_properties "$1" "$user" >"$1/$user.properties"
    done
    kafka_certificates "$1"
    : >"$1/kafka.secure"
)

# kafka_secure_format DIR: what formatting a node needs to know of the users.
kafka_secure_format() {
    local user
    kafka_is_secure "$1" || return 0
    for user in "${KAFKA_USERS[@]}"; do
        printf '%s\n' --add-scram "SCRAM-SHA-512=[name=$user,password=$(cat "$1/$user.password")]"
    done
}

# kafka_secure_properties DIR BROKER_PORT CONTROLLER_PORT: laid over a node's own.
# Only controllers speak on the other listener, on loopback and without a name.
kafka_secure_properties() {
    kafka_is_secure "$1" || return 0
    cat <<PROPERTIES
listeners=SASL_SSL://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=SASL_SSL://127.0.0.1:$2
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$(kafka_jaas "$1" admin)
ssl.keystore.type=PEM
ssl.keystore.location=$1/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$1/ca.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:admin;User:ANONYMOUS
PROPERTIES
}

# kafka_tls_answers DIR PORT: the broker on it shows a certificate of DIR's authority.
kafka_tls_answers() {
    timeout 5 openssl s_client -connect "127.0.0.1:$2" -CAfile "$1/ca.pem" -verify_return_error \
        </dev/null >/dev/null 2>&1
}
