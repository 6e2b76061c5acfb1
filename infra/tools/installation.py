"""What a deployment needs around its templates: the fleet secret, time to live on an emulator, names for the gateways."""

import base64
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError, WaiterError

PACKAGES = ["binding", "console", "dispatch", "fanout", "intake", "query", "receipts", "schedule"]
QUEUES = ["Intake", "Due", "Audience", "Dispatch", "Receipts", "Close"]
TABLES = ["mailboxes", "messages", "ledger", "directory"]
FLEET_SECRET_BYTES = 32


def emulator() -> str | None:
    """Where the emulator listens, if there is one."""
    return os.environ.get("AWS_ENDPOINT_URL")


def pack_functions(root: Path) -> list[str]:
    """Packs each function's program as functions.yaml names it; answers the packages that were not built."""
    folder = root / "target" / "lambda"
    missing = [package for package in PACKAGES if not (folder / package / "bootstrap").is_file()]
    for package in PACKAGES if not missing else []:
        program, packed = folder / package / "bootstrap", folder / f"{package}.zip"
        if packed.exists() and packed.stat().st_mtime > program.stat().st_mtime:
            continue
        # The same program is the same zip: without its time, and with the right to run it.
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        # The unoptimised programs of a local deployment are ten times larger, and go nowhere.
        level = 1 if emulator() else 9
        partial = packed.with_suffix(".part")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            archive.writestr(entry, program.read_bytes(), zipfile.ZIP_DEFLATED, level)
        partial.replace(packed)
    return missing


def fleet_secret_name(environment: str) -> str:
    """As functions.yaml and gateway.yaml resolve it."""
    return f"homing-{environment}-fleet-secret"


def ensure_fleet_secret(environment: str) -> None:
    """Makes the secret once. It is never changed: every device's secret derives from it."""
    client = boto3.client("secretsmanager")
    try:
        client.describe_secret(SecretId=fleet_secret_name(environment))
        return
    except client.exceptions.ResourceNotFoundException:
        pass
    value = base64.urlsafe_b64encode(secrets.token_bytes(FLEET_SECRET_BYTES)).rstrip(b"=").decode()
    client.create_secret(
        Name=fleet_secret_name(environment),
        Description="Homing: what device secrets, push tokens, tickets and reset keys derive from. Never change it.",
        KmsKeyId=f"alias/homing-{environment}",
        SecretString=value,
        Tags=[{"Key": "homing", "Value": environment}],
    )
    print(f"{fleet_secret_name(environment)}: made")


def smtp_url_name(environment: str) -> str:
    """As functions.yaml resolves it."""
    return f"homing-{environment}-smtp-url"


def set_smtp_url(environment: str, url: str) -> None:
    """Says where letters are handed in, or says it anew. It is the operator's secret: no deployment makes or changes it."""
    if not re.fullmatch(r"smtps?://\S+", url):
        raise SystemExit("infra/deploy: that is not smtps://user:password@host or smtp://user:password@host:587")
    client = boto3.client("secretsmanager")
    try:
        client.put_secret_value(SecretId=smtp_url_name(environment), SecretString=url)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(
            Name=smtp_url_name(environment),
            Description="Homing: where letters about certificates that expire are handed in.",
            KmsKeyId=f"alias/homing-{environment}",
            SecretString=url,
            Tags=[{"Key": "homing", "Value": environment}],
        )


def smtp_url_version(environment: str) -> str | None:
    """The version of the secret that is in force, if there is one: CloudFormation looks for a new one only if it is told."""
    client = boto3.client("secretsmanager")
    try:
        versions = client.describe_secret(SecretId=smtp_url_name(environment)).get("VersionIdsToStages", {})
    except client.exceptions.ResourceNotFoundException:
        return None
    return next((version for version, stages in versions.items() if "AWSCURRENT" in stages), None)


def enable_ttl(environment: str) -> None:
    """The emulator's CloudFormation forgets TimeToLiveSpecification."""
    client = boto3.client("dynamodb")
    for table in TABLES:
        name = f"homing-{environment}-{table}"
        status = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
        if status == "DISABLED":
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}
            )


def outputs(stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def names(environment: str) -> dict[str, str]:
    """Every name and URL of the installation that is no secret, as the settings that carry it."""
    state = outputs(f"homing-{environment}-state")
    functions = outputs(f"homing-{environment}-functions")
    found = {f"HOMING_TABLE_{table.upper()}": state[f"{table.capitalize()}TableName"] for table in TABLES}
    for queue in QUEUES:
        found[f"HOMING_QUEUE_{queue.upper()}"] = state[f"{queue}QueueUrl"]
        found[f"HOMING_DEAD_{queue.upper()}"] = state[f"{queue}DeadUrl"]
    found |= {
        "HOMING_GATEWAY_QUEUE_PREFIX": f"homing-{environment}-gateway-",
        "HOMING_EVENT_BUS": state["BusName"],
        "HOMING_SCHEDULE_GROUP": state["ScheduleGroup"],
        "HOMING_SCHEDULE_ROLE_ARN": state["ScheduleRoleArn"],
        "HOMING_DUE_QUEUE_ARN": state["DueQueueArn"],
        "HOMING_API_ID": functions["ApiId"],
        "HOMING_API_URL": functions["ApiUrl"],
        "AWS_REGION": os.environ["AWS_REGION"],
    }
    if endpoint := emulator():
        # %24default is the stage $default, written so that no shell expands it.
        found["HOMING_API_URL"] = f"{endpoint}/_aws/execute-api/{functions['ApiId']}/%24default"
        found["AWS_ENDPOINT_URL"] = endpoint
    return found


def local_secrets(environment: str, root: Path) -> dict[str, str]:
    """On an emulator only: the fleet secret, and the operator's token of this or an earlier deployment."""
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=fleet_secret_name(environment))
    token = first_token(environment) or read_names(environment, root).get("HOMING_ADMIN_TOKEN", "")
    return {"HOMING_FLEET_SECRET": secret["SecretString"], "HOMING_ADMIN_TOKEN": token}


def first_token(environment: str) -> str | None:
    """Makes the operator's token, unless there is one."""
    function = outputs(f"homing-{environment}-functions")["FirstTokenFunction"]
    answer = boto3.client("lambda").invoke(FunctionName=function)
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise SystemExit(f"infra/deploy: {function} failed: {payload.get('errorMessage', payload)}")
    return payload.get("admin_token")


def names_file(environment: str, root: Path) -> Path:
    """Where the names are kept."""
    return root / "target" / "deploy" / f"{environment}.env"


def read_names(environment: str, root: Path) -> dict[str, str]:
    """What was written last."""
    path = names_file(environment, root)
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)


def write_names(environment: str, root: Path, found: dict[str, str]) -> None:
    """Writes them, and beside them what of them a gateway gets, which gateway.yaml decides."""
    path = names_file(environment, root)
    write_private(path, found)
    template = (root / "infra" / "gateway.yaml").read_text()
    given = set(re.findall(r"^ +(HOMING_\w+|AWS_REGION)=", template, re.MULTILINE))
    # What a gateway on this machine cannot have from an instance's role and files.
    given |= {"AWS_ENDPOINT_URL", "HOMING_FLEET_SECRET"}
    of_gateway = {name: value for name, value in found.items() if name in given}
    write_private(path.with_name(f"{environment}-gateway.env"), of_gateway)


def write_private(path: Path, values: dict[str, str]) -> None:
    """Writes NAME=VALUE lines that only their owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def upload_gateway(environment: str, root: Path) -> dict[str, str]:
    """Packs the program with what surrounds it on an instance; answers the parameters that name the archive."""
    program = root / "target" / "release" / "homing-gateway"
    if not program.is_file():
        raise SystemExit("infra/deploy: not built: homing-gateway (make deploy-gateways)")
    packed = io.BytesIO()
    # Without times, so that the same content has the same name, and a deploy that changes nothing changes nothing.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for file in [*sorted((root / "infra" / "gateway").iterdir()), program]:
            member = archive.gettarinfo(file, arcname=file.name)
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "root", "root"
            with file.open("rb") as content:
                archive.addfile(member, content)
    bucket = outputs(f"homing-{environment}-state")["ArtifactsBucket"]
    key = f"gateway/{hashlib.sha256(packed.getvalue()).hexdigest()[:32]}.tar.gz"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=packed.getvalue())
    return {"ArtifactBucket": bucket, "ArtifactKey": key}


def empty_artifacts(environment: str) -> None:
    """A bucket goes only when it is empty."""
    try:
        bucket = outputs(f"homing-{environment}-state")["ArtifactsBucket"]
    except ClientError:
        return
    boto3.resource("s3").Bucket(bucket).objects.all().delete()


def protect_stack(stack: str) -> None:
    """Nobody deletes it by mistake."""
    boto3.client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=True)


def delete_stack(stack: str) -> None:
    """Removes a stack and waits until it is gone. One that is not there is gone."""
    client = boto3.client("cloudformation")
    try:
        client.describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" in str(error):
            return
        raise
    client.delete_stack(StackName=stack)
    try:
        client.get_waiter("stack_delete_complete").wait(StackName=stack)
    except WaiterError as error:
        raise SystemExit(f"infra/deploy: {stack} could not be removed: {error}") from error
    print(f"{stack}: removed", flush=True)


def delete_what_no_stack_made(environment: str) -> None:
    """The gateways' own queues, and the secrets, which can be restored for 30 days."""
    queues = boto3.client("sqs")
    for page in queues.get_paginator("list_queues").paginate(QueueNamePrefix=f"homing-{environment}-gateway-"):
        for url in page.get("QueueUrls", []):
            queues.delete_queue(QueueUrl=url)
    client = boto3.client("secretsmanager")
    at_once = {"ForceDeleteWithoutRecovery": True} if emulator() else {"RecoveryWindowInDays": 30}
    for name in [fleet_secret_name(environment), smtp_url_name(environment)]:
        try:
            client.delete_secret(SecretId=name, **at_once)
        except client.exceptions.ResourceNotFoundException:
            pass
